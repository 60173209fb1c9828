from pathlib import Path

import pytest

from mript_jax.config import check_config, load_config
from mript_jax.errors import UserError

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.py"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_can_be(path):
    check_config(load_config(path))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("total_steps", 0, "total_steps=0"),
        ("global_batch_size", -4, "global_batch_size=-4"),
        ("data.accelerations", (2.0, 4.0), "2 accelerations and 5"),
        ("data.patterns", (), "at least one pattern"),
        ("data.scale", "nonsense", "'target' or 'zero_filled'"),
        ("optimizer.micro_batches", 3, "micro_batches=3"),
        ("optimizer.learning_rate", -1.0, "learning_rate=-1.0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name(field, value, told):
    config = load_config(CONFIGS[0].with_name("mript_tiny.py"))
    config.update_from_flattened_dict({field: value})
    with pytest.raises(UserError, match=told):
        check_config(config)
