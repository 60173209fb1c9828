"""Samples in two parts: every one in one of them, the autocalibration region in the first."""

import numpy as np
import pytest

from mript_jax.physics.masks import center_width, sample_mask
from mript_jax.physics.split_samples import HELD_OUT, split_samples

SHAPE = (60, 48)


def split(pattern, seed=0, axis=-1):
    mask = sample_mask(pattern, SHAPE, 4.0, 0.08, 7, axis)
    return mask, *split_samples(mask, np.random.default_rng(seed))


@pytest.mark.parametrize("pattern", ["cartesian_random", "cartesian_equispaced", "gaussian_2d"])
def test_parts_are_disjoint_and_add_up_to_the_mask(pattern):
    mask, kept, held = split(pattern)
    np.testing.assert_array_equal(kept + held, mask)
    assert center_width(kept) == center_width(mask)
    width = center_width(mask)
    height = SHAPE[0] if "cartesian" in pattern else -(-width * SHAPE[0] // SHAPE[1])
    outside = mask.sum() - width * height
    assert held.sum() == pytest.approx(HELD_OUT * outside, rel=0.1)


@pytest.mark.parametrize("axis", [-1, -2])
def test_lines_are_held_out_as_a_whole(axis):
    mask, kept, held = split("cartesian_random", axis=axis)
    for part in (mask, kept, held):
        part = part if axis == -1 else part.T
        assert (part == part[:1]).all()
    assert held.any()


def test_another_seed_holds_out_other_samples():
    (_, first, _), (_, again, _), (_, other, _) = (split("gaussian_2d", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
