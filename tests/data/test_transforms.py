"""From a record to an example: what the fields of config.data do."""

import numpy as np
import pytest

from mript_jax.config import base_config, check_config
from mript_jax.data.pipeline import evaluation_batches, example_maker, task_weights
from mript_jax.data.random_tasks import RandomTask
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError
from mript_jax.physics.tasks import TASKS, make_task

SIZE = 48
FIELDS = ("kspace", "full_kspace")


def config_with(**changes):
    config = base_config()
    config.data.image_size = SIZE
    config.data.normalize_by = "target"
    config.data.options.phantom.update({"count": 30, "size": 48})
    config.data.update(changes)
    return config


def example(**changes):
    record = open_source("phantom", "", count=4, size=48)[1]
    make = example_maker(config_with(**changes).data, FIELDS)
    return make(record, make_task("gaussian_1d", 4.0), 5)


@pytest.fixture(scope="module")
def plain():
    return example()


def test_noise_and_artifacts_spoil_what_is_measured_and_not_the_target(plain):
    for changes in ({"noise": 0.05}, {"artifacts": {"ghosting": 0.5, "spikes": 0.2}}):
        corrupted = example(**changes)
        np.testing.assert_array_equal(corrupted["target"], plain["target"])
        assert np.abs(corrupted["zero_filled"] - plain["zero_filled"]).max() > 0.01
        for field in FIELDS:
            differs = np.abs(corrupted[field] - plain[field])[0] > 1e-6
            assert differs.any() and not differs[plain["mask"] == 0].any()


def test_noise_has_the_strength_asked_for(plain):
    noise = (example(noise=0.05)["kspace"] - plain["kspace"])[0, plain["mask"] > 0]
    for part in (noise.real, noise.imag):
        assert part.std() == pytest.approx(0.05, rel=0.1)


def test_rows_can_be_the_phase_encodes_and_partial_fourier_leaves_lines_out(plain):
    rows = example(phase_encodes="rows")["mask"]
    assert (rows == rows[:, :1]).all() and not (rows == rows[:1]).all()
    partial = example(partial_fourier=0.6)["mask"]
    assert not partial[:, :16].any() and partial.sum() <= plain["mask"].sum()
    assert np.array_equal(partial[:, 24:], plain["mask"][:, 24:])


def test_tasks_are_drawn_by_their_weights():
    weights = task_weights(
        config_with(pattern_weights=(3, 1, 0, 0), acceleration_weights=(1, 0, 0, 0, 1)).data
    )
    assert len(weights) == 20 and sum(weights) == pytest.approx(1)
    draw = RandomTask(TASKS, weights)
    record = open_source("phantom", "", count=4, size=48)[0]
    rng = np.random.default_rng(0)
    tasks = [draw(record, rng).task for _ in range(200)]
    assert {task.level_index for task in tasks} == {0, 4}
    assert np.mean([task.pattern_index == 0 for task in tasks]) == pytest.approx(0.75, abs=0.1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pattern_weights": (1.0,)}, "pattern_weights"),
        ({"phase_encodes": "diagonal"}, "diagonal"),
        ({"noise": -1.0}, "noise"),
    ],
)
def test_wishes_that_cannot_be_are_refused(changes, told):
    with pytest.raises(UserError, match=told):
        check_config(config_with(**changes))


def test_an_evaluation_has_the_artifact_that_was_asked_for():
    def first(**changes):
        config = config_with(**changes).data
        batch, _ = next(evaluation_batches(config, "train", make_task("gaussian_2d", 4.0), 2))
        return batch

    clean, moved = first(), first(artifacts={"rigid_motion": 0.7})
    np.testing.assert_array_equal(clean["target"], moved["target"])
    assert np.abs(clean["zero_filled"] - moved["zero_filled"]).max() > 0.01
