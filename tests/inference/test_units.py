"""Reconstructions of k-space in any unit: the same image in that unit, or an error."""

import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.inference.estimate import Estimate
from mript_jax.inference.units import in_usual_units
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c

KSPACE = np.random.default_rng(0).standard_normal((2, 3, 8, 9, 2)).view(np.complex128)[..., 0]


@in_usual_units
def images_of(_, kspace):
    """As a reconstruction would, in float32."""
    return root_sum_of_squares(ifft2c(np.asarray(kspace, np.complex64)), axis=-3)


@pytest.mark.parametrize("unit", [1e-300, 1e-38, 1e-20, 1.0, 1e20, 1e36])
def test_image_has_the_unit_of_kspace(unit):
    expected = images_of(None, KSPACE).astype(np.float64) * unit
    found = images_of(None, KSPACE * unit)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-44)


def test_usual_units_change_no_bit():
    direct = images_of.__wrapped__(None, KSPACE)
    assert np.array_equal(images_of(None, KSPACE), direct)
    assert np.array_equal(images_of(None, KSPACE * 2.0**50) / 2.0**50, direct)


def test_images_beyond_float32_and_nan_are_refused():
    with pytest.raises(UserError, match="beyond float32"):
        images_of(None, KSPACE * 1e300)
    with pytest.raises(UserError, match="holds NaN"):
        in_usual_units(lambda _, kspace: kspace.real * np.nan)(None, KSPACE)


def test_no_data_and_zeros_pass():
    assert images_of(None, KSPACE[:0]).shape == (0, 8, 9)
    assert not images_of(None, KSPACE * 0).any()


def test_estimate_keeps_its_residuals():
    estimate = in_usual_units(lambda _, kspace: Estimate(images_of(None, kspace), np.ones(2)))
    found = estimate(None, KSPACE * 1e30)
    np.testing.assert_allclose(found.images, images_of(None, KSPACE) * np.float64(1e30), rtol=1e-6)
    assert (found.residuals == 1).all()
