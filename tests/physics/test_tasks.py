import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.physics.masks import PATTERNS
from mript_jax.physics.tasks import (
    LEVELS,
    LIKE,
    PATTERN_NAMES,
    TASKS,
    head_index,
    make_task,
    nearest_pattern,
    num_heads,
    task_grid,
    usual_center_fraction,
)


def test_task_grid_is_every_pattern_at_every_level_in_order():
    assert len(TASKS) == 20
    assert [(t.pattern_index, t.level_index) for t in TASKS] == [
        (i, j) for i in range(4) for j in range(5)
    ]
    assert (TASKS[7].pattern, TASKS[7].acceleration, TASKS[7].center_fraction) == (
        "cartesian_equispaced",
        6.0,
        0.06,
    )


def test_trained_task_is_its_own_nearest():
    for task in TASKS:
        assert make_task(task.pattern, task.acceleration) == task


@pytest.mark.parametrize(
    ("acceleration", "level"), [(1, 0), (2.7, 0), (3, 1), (5, 2), (7, 3), (8.8, 3), (30, 4)]
)
def test_untrained_acceleration_has_the_nearest_level_by_ratio(acceleration, level):
    assert make_task("gaussian_1d", acceleration).level_index == level


def test_center_fraction_lies_between_those_of_the_neighbouring_levels():
    for (r0, c0), (r1, c1) in itertools.pairwise(LEVELS):
        assert c1 < usual_center_fraction((r0 + r1) / 2) < c0
    assert usual_center_fraction(1.5) == 0.10
    assert usual_center_fraction(20) == pytest.approx(0.01)


def test_given_center_fraction_is_kept():
    assert make_task("cartesian_random", 5, 0.123).center_fraction == 0.123


@pytest.mark.parametrize(
    ("pattern", "like"),
    [
        ("fastmri_random", "cartesian_random"),
        ("fastmri_equispaced", "cartesian_equispaced"),
        ("poisson_disc", "gaussian_2d"),
        ("radial", "gaussian_2d"),
    ],
)
def test_untrained_pattern_has_the_index_of_the_most_similar_one(pattern, like):
    assert PATTERN_NAMES[make_task(pattern, 4).pattern_index] == like


def test_every_pattern_has_a_similar_one_in_the_paper():
    assert set(LIKE) == set(PATTERNS)
    for pattern in PATTERNS:
        assert set(LIKE[pattern]) <= set(PATTERNS)
        assert {pattern, *LIKE[pattern]} & set(PATTERN_NAMES)


def test_grid_of_untrained_tasks_has_indices_of_trained_ones():
    (task,) = task_grid(["gaussian_2d"], [5], [0.05], ["radial", "gaussian_1d"], [2, 4])
    assert (task.pattern_index, task.level_index) == (1, 1)
    assert nearest_pattern("cartesian_random", ["radial"]) == 0


def test_head_indices_of_all_tasks_have_no_gaps():
    for mode, count in (("type", 4), ("level", 5), ("split", 20)):
        heads = {head_index(mode, t.pattern_index, t.level_index, 5) for t in TASKS}
        assert heads == set(range(count)) == set(range(num_heads(mode, 4, 5)))


@pytest.mark.parametrize("array", [np.asarray, jnp.asarray])
def test_head_index_takes_arrays(array):
    index = head_index("split", array([0, 3]), array([1, 4]), 5)
    np.testing.assert_array_equal(index, [1, 19])


def test_invalid_mode_acceleration_and_pattern_are_user_errors():
    with pytest.raises(UserError, match=r"'splt'.*did you mean 'split'"):
        head_index("splt", 0, 0, 5)
    with pytest.raises(UserError, match=r"0\.5 must be 1 or more"):
        make_task("cartesian_random", 0.5)
    with pytest.raises(UserError, match="did you mean 'gaussian_1d'"):
        make_task("gausian_1d", 4)
