import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.physics.calibration import (
    calibration_matrix,
    calibration_region,
    crop_to_region,
    noise_singular_values,
)
from mript_jax.physics.masks import sample_mask


@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    most=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    share=st.floats(0.5, 1),
    seed=st.integers(0, 99),
)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_region_is_the_largest_that_was_fully_sampled(shape, most, share, seed):
    mask = np.random.default_rng(seed).uniform(size=shape) < share
    height, width = calibration_region(mask, most)
    if mask[shape[0] // 2, shape[1] // 2]:
        assert crop_to_region(mask, (height, width)).all()
    full = [
        h * w
        for h in range(1, min(shape[0], most[0]) + 1)
        for w in range(1, min(shape[1], most[1]) + 1)
        if crop_to_region(mask, (h, w)).all()
    ]
    assert height * width == max(full, default=0)


@pytest.mark.parametrize(
    ("pattern", "region"),
    [
        ("cartesian_random", (24, 8)),
        ("cartesian_equispaced", (24, 8)),
        ("gaussian_2d", (24, 24)),  # whose density fills more than was asked for
    ],
)
@pytest.mark.parametrize("axis", [-1, -2])
def test_region_of_a_pattern_is_its_center(pattern, region, axis):
    mask = sample_mask(pattern, (128, 96), 8, 0.08, 0)
    mask = mask if axis == -1 else mask.T
    found = calibration_region(mask, (24, 24))
    found = found if axis == -1 else found[::-1]
    assert found[0] >= region[0] and region[1] <= found[1] <= region[1] + 2  # neighbours by chance


def test_regions_of_a_batch_are_found_under_jit():
    masks = np.stack([sample_mask("gaussian_2d", (32, 28), 2, c, 0) for c in (0.1, 0.3)])
    found = jax.jit(calibration_region, static_argnums=1)(masks, (24, 24))
    np.testing.assert_array_equal(found, calibration_region(masks, (24, 24)))
    assert found[0][0] < found[0][1]


def test_center_that_was_not_sampled_has_no_region():
    mask = np.ones((8, 8))
    mask[4, 4] = 0
    assert calibration_region(mask, (8, 8)) == (0, 0)


def test_calibration_matrix_has_every_patch_of_all_coils_in_a_row(random_complex):
    samples = random_complex(2, 5, 4)
    matrix = calibration_matrix(samples, (3, 2))
    assert matrix.shape == (3 * 3, 2 * 3 * 2)
    np.testing.assert_array_equal(matrix[4], samples[:, 1:4, 1:3].ravel())


def test_noise_singular_values_are_those_of_other_noise(random_complex):
    matrix = calibration_matrix(random_complex(6, 20, 12, seed=7), (4, 3))
    found = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(noise_singular_values((6, 20, 12), (4, 3)), found, rtol=0.2)
