"""Studies run from start to table, and go on where they were stopped."""

import json
from pathlib import Path

import numpy as np
import pytest

from mript_jax.config import check_config, load_config
from mript_jax.data.dead_leaves import dead_leaves
from mript_jax.study import experiment, run_study

STUDIES = Path(__file__).parents[2] / "configs" / "studies"
NAMES = sorted(path.stem for path in STUDIES.glob("*.py") if not path.stem.startswith("base"))


@pytest.mark.parametrize("name", NAMES)
def test_every_study_is_of_runs_that_can_be(name):
    study = load_config(STUDIES / f"{name}.py")
    assert study.about and set(study.compared) <= set(study.runs) and len(study.conditions) > 0
    for changes in (*study.runs.values(), *study.conditions.values()):
        check_config(experiment(study, changes))


def test_dead_leaves_differ_and_have_the_spectrum_of_photographs():
    rng = np.random.default_rng(0)
    images = np.stack([dead_leaves(64, rng) for _ in range(8)])
    assert not np.allclose(images[0], images[1])
    power = np.mean(np.abs(np.fft.fft2(images)) ** 2, axis=0)[0]
    slope = np.polyfit(np.log(np.arange(2, 20)), np.log(power[2:20]), 1)[0]
    assert -3 < slope < -1


@pytest.mark.slow
def test_linear_heads_on_an_encoder_tell_tissues_better_than_chance(tmp_path):
    study = load_config(STUDIES / "encoder_reuse.py").unlock()
    study.experiment.total_steps = 2
    text = run_study(study, tmp_path)
    rows = json.loads((tmp_path / "study.json").read_text())
    assert [row["features"] for row in rows] == ["pixels", "untrained", "pretrained"]
    assert all(0.4 < row["tissue: accuracy"] <= 1 for row in rows)
    assert "| pretrained |" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", ("pretraining_data", "anatomy_shift"))
def test_a_study_runs_to_its_table_and_is_not_repeated(name, tmp_path, capsys):
    study = load_config(STUDIES / f"{name}.py").unlock()
    study.experiment.evaluation.max_slices = 4
    study.experiment.total_steps = 4
    for changes in study.runs.values():
        if "total_steps" in changes:
            changes.total_steps = 2
    table = run_study(study, tmp_path)
    assert "training" in capsys.readouterr().out
    lines = (len(study.compared) + 1) * len(study.conditions)
    assert "report.html" in (tmp_path / "study.html").read_text()
    assert table == (tmp_path / "study.md").read_text() and table.count("\n| ") == lines + 1
    for condition in study.conditions:
        assert (tmp_path / "evaluation" / condition / "report.html").exists()
    assert run_study(study, tmp_path) == table
    assert "training" not in capsys.readouterr().out
