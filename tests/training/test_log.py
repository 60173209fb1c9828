"""The console's line of a training."""

import pytest

from mript_jax.config import base_config
from mript_jax.training.log import TrainingLog


@pytest.mark.parametrize(("skipped", "said"), [(0, False), (3, True)])
def test_skipped_updates_are_told(tmp_path, capsys, skipped, said):
    config = base_config()
    config.total_steps = 4
    with TrainingLog(tmp_path, 0, config, at_peak=None) as log:
        for number in (1, 2):
            log.step(number, {"loss": 0.5, "skipped_updates": skipped}, waited=0.0, due=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("step ") for line in lines)
    assert [f"{skipped} updates skipped" in line for line in lines] == [said, said]
