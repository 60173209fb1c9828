import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.physics.coils import (
    combine,
    compress_coils,
    estimate_sensitivities,
    expand,
    fitted_maps,
    root_sum_of_squares,
)
from mript_jax.physics.fourier import fft2c


def smooth_maps(coils: int, shape: tuple[int, int]) -> np.ndarray:
    """[C, H, W]: bumps around the edge with a phase each, their squares adding up to 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    angle = 2 * np.pi * np.arange(coils)[:, None, None] / coils
    magnitude = np.exp(-((x - np.cos(angle)) ** 2 + (y - np.sin(angle)) ** 2) / 2)
    maps = magnitude * np.exp(1j * (angle + 0.5 * x))
    return (maps / root_sum_of_squares(maps, axis=0)).astype(np.complex64)


def test_root_sum_of_squares_matches_values_by_hand():
    images = np.array([[3.0 + 0j, 0], [4j, -2]])
    np.testing.assert_allclose(root_sum_of_squares(images, axis=0), [5, 2])
    np.testing.assert_allclose(root_sum_of_squares(jnp.asarray(images), axis=0), [5, 2])


def test_combine_is_the_adjoint_of_expand(assert_adjoint, random_complex):
    S = random_complex(3, 6, 7)
    assert_adjoint(lambda x: expand(x, S), lambda y: combine(y, S), (2, 6, 7), (2, 3, 6, 7))


def test_combine_inverts_expand(random_complex):
    S, image = smooth_maps(4, (9, 8)), random_complex(9, 8)
    np.testing.assert_allclose(combine(expand(image, S), S), image, atol=1e-5)


@pytest.mark.parametrize("xp", [np, jnp])
def test_fitted_maps_are_those_of_the_scan_whatever_their_scale_and_phase(xp, random_complex):
    S, image = smooth_maps(4, (32, 24)), np.ones((32, 24))
    kspace, mask = xp.asarray(fft2c(S * image)), xp.ones((32, 24))
    S[:, :3] = 0
    given = xp.asarray(S * random_complex(32, 24))
    found = fitted_maps(given, kspace, mask)
    np.testing.assert_allclose(found, S, atol=1e-5)  # the image's phase is that of the coils, zero


def test_estimated_sensitivities_explain_the_coil_images():
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (64, 60)), indexing="ij")
    image = ((x / 0.8) ** 2 + (y / 0.7) ** 2 < 1) * (1 + 0.3 * np.sin(9 * x) * np.cos(7 * y))
    coil_images = expand(image.astype(np.complex64), smooth_maps(6, image.shape))
    S = estimate_sensitivities(fft2c(coil_images), np.ones(image.shape), widest=0.25)
    inside = (x / 0.7) ** 2 + (y / 0.6) ** 2 < 1
    explained = expand(combine(coil_images, S), S)
    error = np.linalg.norm((explained - coil_images)[:, inside])
    assert error < 0.05 * np.linalg.norm(coil_images[:, inside])
    assert np.abs(np.angle(combine(coil_images, S)[inside])).max() < 0.2  # nearly real


def test_estimated_sensitivities_are_normalized_and_zero_without_signal(random_complex):
    kspace = random_complex(5, 3, 16, 12)
    kspace[4] = 0
    S = estimate_sensitivities(kspace, np.ones((16, 12)), widest=0.5)
    assert S.dtype == np.complex64
    np.testing.assert_allclose(root_sum_of_squares(S, axis=1)[:4], 1, atol=1e-4)
    assert not S[4].any()


def test_calibration_uses_the_fully_sampled_center_alone(random_complex):
    kspace, mask = random_complex(3, 16, 20), np.zeros((16, 20), np.float32)
    mask[:, 8:13] = mask[:, ::5] = 1  # two samples on either side of the center, 10
    maps = estimate_sensitivities(kspace * mask, mask)
    beyond = kspace * (np.abs(np.arange(20) - 10) <= 2)
    np.testing.assert_allclose(maps, estimate_sensitivities(beyond, mask), atol=1e-6)
    np.testing.assert_allclose(root_sum_of_squares(maps, axis=0), 1, atol=1e-4)


def test_calibration_finds_smooth_maps_and_agrees_between_numpy_and_jax():
    rng = np.random.default_rng(0)
    image = np.pad(rng.uniform(0.5, 1, (2, 1, 40, 36)), ((0, 0), (0, 0), (12, 12), (14, 14)))
    maps, mask = smooth_maps(6, (64, 64)), np.zeros((2, 64, 64), np.float32)
    mask[0, :, ::4] = mask[0, :, 26:39] = mask[1, ::3] = mask[1, 28:37] = 1
    kspace = (mask[:, None] * fft2c(maps * image)).astype(np.complex64)
    found = estimate_sensitivities(kspace, mask)
    inside = image[:, 0] > 0
    agreement = np.abs(combine(maps[None], found))
    assert agreement[inside].min() > 0.97
    other = jax.jit(estimate_sensitivities)(kspace, mask)
    np.testing.assert_allclose(
        *(np.asarray(m).swapaxes(0, 1)[:, inside] for m in (found, other)), atol=1e-3
    )


def test_compressed_coils_keep_most_of_the_energy():
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((2, 6, 7)) + 1j * rng.standard_normal((2, 6, 7))
    kspace = np.tensordot(rng.standard_normal((5, 2)), basis, 1)  # five coils that see two things
    compressed = compress_coils(kspace, 2)
    assert np.linalg.norm(compressed) == pytest.approx(np.linalg.norm(kspace))
    np.testing.assert_allclose(
        root_sum_of_squares(compressed, axis=0), root_sum_of_squares(kspace, axis=0)
    )


def test_compressed_coils_are_the_strongest_first_and_the_same_for_all_slices(random_complex):
    kspace = random_complex(2, 5, 6, 7) * np.array([1, 5, 2, 1, 3])[:, None, None]
    compressed = compress_coils(kspace, 4)
    flat = np.moveaxis(compressed, 1, 0).reshape(4, -1)
    covariance = flat @ flat.conj().T
    energy = np.diag(covariance).real
    np.testing.assert_allclose(covariance - np.diag(energy), 0, atol=1e-4 * energy[0])
    assert (np.diff(energy) < 0).all()
    np.testing.assert_allclose(
        np.linalg.norm(compress_coils(kspace, 3)) ** 2, energy[:3].sum(), rtol=1e-5
    )
    theirs = compress_coils(jnp.asarray(kspace), 3)
    np.testing.assert_allclose(np.abs(theirs), np.abs(compressed[:, :3]), atol=1e-3)


def test_fewer_coils_than_wanted_are_filled_up_with_zeros(random_complex):
    kspace = random_complex(2, 3, 6, 7)
    compressed = compress_coils(kspace, 5)
    np.testing.assert_array_equal(compressed[:, :3], kspace)
    assert compressed.shape == (2, 5, 6, 7) and not compressed[:, 3:].any()
