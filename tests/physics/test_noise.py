import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.data.coil_maps import draw_coils
from mript_jax.data.phantom.slices import make_slice
from mript_jax.errors import UserError
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.noise import estimate_noise, prewhiten

SIZE = 128


def white(*shape: int, seed: int = 0) -> np.ndarray:
    """Noise with a standard deviation of 1 in the real and in the imaginary part."""
    parts = np.random.default_rng(seed).standard_normal((2, *shape))
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def scan(coils: int, level: float, index: int = 0) -> np.ndarray:
    """k-space of a head, whose edges are sharp: its signal goes as far as k-space does."""
    image = make_slice(7, index, (SIZE, SIZE), ("head",)).image
    maps, _ = draw_coils(coils, image.shape, np.random.default_rng(index))
    return fft2c(maps * image) + level * white(coils, SIZE, SIZE, seed=index)


def test_prewhitened_noise_is_white_and_the_signal_is_mixed_alike(random_complex):
    mixing = random_complex(4, 4, seed=3)
    noise = mixing @ white(4, 20000)
    kspace = np.tensordot(mixing, white(2, 4, 30, 40, seed=1), (1, 1)).swapaxes(0, 1)
    flat = np.moveaxis(prewhiten(kspace, noise), 1, 0).reshape(4, -1)
    covariance = flat @ flat.conj().T / (2 * flat.shape[1])
    np.testing.assert_allclose(covariance, np.eye(4), atol=0.08)
    np.testing.assert_allclose(
        prewhiten(jnp.asarray(kspace), jnp.asarray(noise)), prewhiten(kspace, noise), atol=1e-3
    )


def test_white_noise_is_only_scaled_by_prewhitening(random_complex):
    kspace = random_complex(4, 6, 7)
    np.testing.assert_allclose(prewhiten(kspace, 3 * white(4, 100000)), kspace / 3, atol=0.02)


@pytest.mark.parametrize(("coils", "samples"), [(3, 100), (4, 7)])
def test_noise_that_does_not_fit_the_scan_is_refused(random_complex, coils, samples):
    with pytest.raises(UserError, match=f"noise of {coils} coils x {samples} samples"):
        prewhiten(random_complex(4, 6, 7), white(coils, samples))


@pytest.mark.parametrize("level", [3e-4, 0.003, 0.03])
@pytest.mark.parametrize("coils", [1, 8])
def test_noise_of_a_fully_sampled_scan_is_estimated_around_the_object(coils, level):
    assert estimate_noise(scan(coils, level)) == pytest.approx(level, rel=0.1)


@pytest.mark.parametrize("level", [3e-4, 0.003, 0.03])
@pytest.mark.parametrize("pattern", ["cartesian_random", "cartesian_equispaced", "gaussian_2d"])
def test_noise_of_undersampled_coils_is_estimated_from_their_calibration(pattern, level):
    mask = sample_mask(pattern, (SIZE, SIZE), 4, 0.08, 0)
    assert estimate_noise(mask * scan(8, level), mask) == pytest.approx(level, rel=0.4)


def test_noise_of_points_of_one_coil_is_estimated_in_the_periphery():
    mask = sample_mask("gaussian_2d", (SIZE, SIZE), 2, 0.08, 0)
    assert estimate_noise(mask * scan(1, 0.03), mask) == pytest.approx(0.03, rel=0.2)


@pytest.mark.parametrize("level", [3e-4, 0.003, 0.03])
@pytest.mark.parametrize("pattern", ["cartesian_random", "cartesian_equispaced", "gaussian_1d"])
def test_noise_of_lines_of_one_coil_is_estimated_in_their_periphery(pattern, level):
    mask = sample_mask(pattern, (SIZE, SIZE), 4, 0.08, 0)
    assert estimate_noise(mask * scan(1, level), mask) == pytest.approx(level, rel=0.2)
    turned = estimate_noise((mask * scan(1, level)).swapaxes(1, 2), mask.T)
    assert turned == pytest.approx(level, rel=0.2)


@pytest.mark.parametrize("coils", [1, 6])
def test_noise_alone_is_estimated_as_it_is(coils):
    assert estimate_noise(0.2 * white(coils, 96, 80)) == pytest.approx(0.2, rel=0.1)


def test_noise_ignores_coils_and_samples_that_are_zero():
    kspace = scan(8, 0.01)
    level = estimate_noise(kspace)
    padded = np.pad(kspace, ((0, 3), (0, 0), (0, 0)))
    assert estimate_noise(padded) == level
    kspace[:, :, :30] = 0  # partial Fourier
    assert estimate_noise(kspace) == pytest.approx(0.01, rel=0.3)
    assert estimate_noise(np.zeros((1, 8, 8))) == 0
