import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.undersample import (
    adjoint,
    data_consistency,
    forward,
    low_resolution_phase,
    zero_filled_image,
)


@pytest.fixture
def mask():
    return sample_mask("cartesian_random", (12, 10), 2, 0.2, 0)


@pytest.fixture
def sensitivities(random_complex):
    S = random_complex(3, 12, 10, seed=5)
    return S / root_sum_of_squares(S, axis=0)


def test_zero_filled_magnitude_is_that_of_the_public_code(golden):
    z = golden("undersample_transform")
    image = zero_filled_image(z["in/image"], z["in/mask"])
    assert image.dtype == np.complex64
    np.testing.assert_allclose(np.abs(image), z["out/image_masked_magnitude"], atol=2e-5)


@pytest.mark.parametrize("shape", [(12, 10), (1, 10), (12, 1)])  # points, whole columns, whole rows
def test_zero_filling_is_transform_mask_and_transform_back(random_complex, shape):
    image = random_complex(3, 12, 10)
    mask = np.broadcast_to(np.random.default_rng(0).random(shape) > 0.6, (12, 10))
    expected = ifft2c(mask * fft2c(image))
    np.testing.assert_allclose(zero_filled_image(image, mask), expected, atol=1e-6)


def test_zero_filling_is_a_projection(random_complex, mask):
    once = zero_filled_image(random_complex(12, 10), mask)
    np.testing.assert_allclose(zero_filled_image(once, mask), once, atol=1e-5)


def test_adjoint_belongs_to_forward(assert_adjoint, mask, sensitivities):
    assert_adjoint(
        lambda x: forward(x, sensitivities, mask),
        lambda y: adjoint(y, sensitivities, mask),
        (2, 12, 10),
        (2, 3, 12, 10),
    )


def test_operators_agree_between_numpy_and_jax(random_complex, mask, sensitivities):
    x, y = random_complex(12, 10), random_complex(3, 12, 10)
    for operator, argument in ((forward, x), (adjoint, y)):
        ours = operator(argument, sensitivities, mask)
        theirs = operator(jnp.asarray(argument), jnp.asarray(sensitivities), jnp.asarray(mask))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_consistent_image_has_the_measured_kspace_and_the_estimates_rest(random_complex, mask):
    truth, estimate = random_complex(12, 10, seed=1), random_complex(12, 10, seed=2)
    result = fft2c(data_consistency(estimate, mask * fft2c(truth), mask))
    np.testing.assert_allclose(mask * result, mask * fft2c(truth), atol=1e-5)
    np.testing.assert_allclose((1 - mask) * result, (1 - mask) * fft2c(estimate), atol=1e-5)


def test_the_true_image_is_consistent_with_what_its_coils_measured(
    random_complex, mask, sensitivities
):
    truth = random_complex(12, 10)
    kspace = forward(truth, sensitivities, mask)
    result = data_consistency(truth, kspace, mask, sensitivities)
    np.testing.assert_allclose(result, truth, atol=1e-5)


def test_a_real_image_has_no_phase_however_it_was_sampled(mask):
    image = np.random.default_rng(0).uniform(0.5, 1, (12, 10)).astype(np.float32)
    phase = low_resolution_phase(mask * fft2c(image), mask)
    assert phase.dtype == np.complex64
    np.testing.assert_allclose(phase, 1, atol=1e-3)
