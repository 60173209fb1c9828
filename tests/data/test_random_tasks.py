"""What training draws: tasks, accelerations and numbers of coils."""

import itertools

import numpy as np
import pytest

from mript_jax.config import base_config, check_config
from mript_jax.data.pipeline import build_pipeline
from mript_jax.data.random_tasks import RandomTask
from mript_jax.errors import UserError
from mript_jax.physics.tasks import TASKS, nearest_level, usual_center_fraction

SIZE = 32


def data_config(**changes):
    config = base_config().data
    config.source, config.image_size, config.undersampling = "generated", SIZE, "simulated"
    config.options.generated.update({"count": 64, "size": SIZE, "kinds": ("leaves",)})
    config.update(changes)
    return config


def take(count, start=0, index=0, processes=1, **changes):
    pipeline = build_pipeline(
        data_config(**changes), "train", 3, 4, index, processes, fields=("kspace",)
    )
    pipeline.set_state({"next_example": 4 * start})
    return list(itertools.islice(pipeline, count))


def test_accelerations_are_drawn_from_the_whole_range_and_point_to_the_nearest_level():
    draw, rng = RandomTask(TASKS, continuum=(2.0, 12.0)), np.random.default_rng(0)
    tasks = [draw(None, rng).task for _ in range(400)]
    accelerations = np.array([task.acceleration for task in tasks])
    assert accelerations.min() < 2.1 and accelerations.max() > 11.5
    assert np.mean(accelerations < np.sqrt(24)) == pytest.approx(0.5, abs=0.08)  # by logarithm
    for task in tasks:
        assert task.center_fraction == usual_center_fraction(task.acceleration)
        assert task.level_index == nearest_level(task.acceleration, (2, 4, 6, 8, 10))
        assert TASKS[5 * task.pattern_index].pattern == task.pattern


def test_batches_hold_the_actual_acceleration():
    batches = take(6, continuous_accelerations=(2.0, 12.0), patterns=("radial", "gaussian_2d"))
    batch = {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    assert len(set(batch["acceleration"])) == 24 and set(batch["pattern_index"]) == {0, 1}
    radial = batch["pattern_index"] == 0
    achieved = SIZE**2 / batch["mask"][radial].sum(axis=(1, 2))
    np.testing.assert_allclose(achieved, batch["acceleration"][radial], rtol=0.02)


def test_all_examples_of_a_batch_have_one_number_of_coils_and_batches_differ():
    counts = [batch["kspace"].shape[1] for batch in take(16, simulation={"coils": (1, 3)})]
    assert set(counts) == {1, 3} and 3 < counts.count(1) < 13


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_resumed_stream_goes_on_with_the_same_batches(workers):
    options = {"simulation": {"coils": (1, 3)}}
    whole = take(10, **options)
    resumed = take(6, start=4, workers=workers, **options)
    for expected, batch in zip(whole[4:], resumed, strict=True):
        for name in expected:
            np.testing.assert_array_equal(expected[name], batch[name])


def test_stream_goes_on_with_batches_of_another_size():
    pipeline = build_pipeline(
        data_config(simulation={"coils": (1, 3)}), "train", 3, 6, fields=("kspace",)
    )
    pipeline.set_state({"next_example": 8})
    assert {next(pipeline)["kspace"].shape for _ in range(8)} == {
        (6, n, SIZE, SIZE) for n in (1, 3)
    }


def test_processes_share_the_batches_of_one():
    options = {"simulation": {"coils": (1, 3)}}
    whole = take(6, **options)
    parts = [take(6, index=index, processes=2, **options) for index in (0, 1)]
    for expected, first, second in zip(whole, *parts, strict=True):
        together = np.concatenate([first["kspace"], second["kspace"]])
        np.testing.assert_array_equal(expected["kspace"], together)


@pytest.mark.parametrize(
    "changes",
    [
        {"data.continuous_accelerations": (12.0, 2.0)},
        {"data.continuous_accelerations": (4.0,)},
        {"data.simulation.noise": (0.1, 0.01)},
        {"data.simulation.coils": (0,)},
        {"data.simulation.noise_free": 1.5},
    ],
)
def test_ranges_that_cannot_be_are_refused_by_name(changes):
    config = base_config()
    config.update_from_flattened_dict(changes)
    ((name, _),) = changes.items()
    with pytest.raises(UserError, match=name):
        check_config(config)
