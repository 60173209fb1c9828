import numpy as np
import pytest

from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.simulation import simulate
from mript_jax.physics.coils import combine, root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c

SHAPES = (48, 48), (40, 57)


@pytest.fixture(params=SHAPES)
def image(request):
    return np.abs(make_slice(3, 0, request.param).image)


@pytest.mark.parametrize("coils", [1, 2, 8, 32])
@pytest.mark.parametrize("augment", [False, True])
def test_reference_is_root_sum_of_squares_of_noise_free_coils(image, coils, augment):
    scan = simulate(image, np.random.default_rng(0), coils, augment=augment)
    assert scan.kspace.shape == scan.sensitivities.shape == (coils, *image.shape)
    assert scan.kspace.dtype == scan.clean_kspace.dtype == scan.sensitivities.dtype == np.complex64
    images = ifft2c(scan.clean_kspace)
    np.testing.assert_allclose(root_sum_of_squares(images, axis=0), scan.reference, atol=2e-5)
    assert scan.reference.max() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("coils", [1, 2, 8, 32])
def test_maps_explain_every_coil_and_their_squares_add_up_to_one(image, coils):
    scan = simulate(image, np.random.default_rng(1), coils)
    squares = root_sum_of_squares(scan.sensitivities, axis=0)
    np.testing.assert_allclose(squares, 1.0, atol=1e-5)
    images = ifft2c(scan.clean_kspace)
    combined = combine(images, scan.sensitivities)
    np.testing.assert_allclose(scan.sensitivities * combined, images, atol=2e-5)


@pytest.mark.parametrize("coils", [1, 2, 8])
@pytest.mark.parametrize("seed", range(4))  # with and without correlation between coils
def test_noise_has_the_level_it_states_in_every_coil(coils, seed):
    image = np.abs(make_slice(3, 0, (96, 96)).image)
    scan = simulate(image, np.random.default_rng(seed), coils, (0.01, 0.05), noise_free=0.0)
    noise = scan.kspace - scan.clean_kspace
    assert 0.01 <= scan.noise_level <= 0.05
    for part in (noise.real, noise.imag):
        np.testing.assert_allclose(part.std(axis=(1, 2)), scan.noise_level, rtol=0.05)


def test_share_of_scans_is_free_of_noise(image):
    levels = [
        simulate(image, np.random.default_rng(i), noise_free=0.5).noise_level for i in range(60)
    ]
    assert 15 < sum(level == 0.0 for level in levels) < 45


def test_same_generator_gives_the_same_scan_and_another_a_different_one(image):
    first, again, other = (
        simulate(image, np.random.default_rng(seed), 4, augment=True) for seed in (7, 7, 8)
    )
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(first.kspace - other.kspace).max() > 0.1


def test_image_with_a_phase_of_its_own_keeps_it(image):
    own = (image * np.exp(1j * np.linspace(0, 3, image.shape[1]))).astype(np.complex64)
    scan = simulate(own, np.random.default_rng(0))
    np.testing.assert_allclose(scan.clean_kspace[0], fft2c(own / image.max()), atol=1e-4)


def test_phase_of_strength_zero_is_a_constant(image):
    scan = simulate(image, np.random.default_rng(0), phase=0.0)
    seen = ifft2c(scan.clean_kspace[0])
    turned = seen * np.conj(seen.ravel()[np.abs(seen).argmax()])
    np.testing.assert_allclose(turned.imag, 0.0, atol=1e-4)


def test_augmentation_of_a_blank_image_stays_finite():
    scan = simulate(np.zeros((32, 32), np.float32), np.random.default_rng(0), 4, augment=True)
    assert all(np.isfinite(array).all() for array in scan)
