"""ESPIRiT on generated heads, whose sensitivity maps are known."""

import functools

import jax
import numpy as np
import pytest

from mript_jax.data.coil_maps import draw_coils
from mript_jax.data.phantom.slices import make_slice
from mript_jax.errors import UserError
from mript_jax.physics.coils import estimate_sensitivities, root_sum_of_squares
from mript_jax.physics.espirit import espirit, sensitivity_maps
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask

SHAPE = (72, 64)


@functools.cache
def scan(level: float = 0.005, coils: int = 6, index: int = 0) -> tuple[np.ndarray, ...]:
    """k-space [C, H, W], image [H, W] and sensitivity maps [C, H, W]."""
    image = make_slice(7, index, SHAPE, ("head",)).image
    rng = np.random.default_rng(index)
    maps, _ = draw_coils(coils, SHAPE, rng)
    noise = rng.standard_normal((2, coils, *SHAPE))
    kspace = fft2c(maps * image) + level * (noise[0] + 1j * noise[1])
    return kspace.astype(np.complex64), image, maps


def center(height: int, width: int) -> np.ndarray:
    """The mask of a region alone."""
    mask = np.zeros(SHAPE, np.float32)
    top, left = (start_of(n, size) for n, size in zip(SHAPE, (height, width), strict=True))
    mask[top : top + height, left : left + width] = 1
    return mask


def start_of(length: int, size: int) -> int:
    return (length - size + 1) // 2


def unexplained(found: np.ndarray, image: np.ndarray, maps: np.ndarray) -> float:
    """The share of the image's energy in the coils that maps do not explain, in dB."""
    explained = np.abs(np.sum(np.conj(found) * maps, axis=0)) ** 2
    energy = np.abs(image) ** 2
    return 10 * np.log10(np.sum(energy * (1 - explained)) / np.sum(energy))


@pytest.mark.parametrize(
    ("height", "width", "error"),
    [
        (24, 24, -40),
        pytest.param(24, 8, -34, marks=pytest.mark.slow),
        pytest.param(8, 8, -34, marks=pytest.mark.slow),
        (24, 4, -24),
    ],
)
def test_maps_are_exact_and_far_better_than_low_resolution_ratios(height, width, error):
    kspace, image, maps = scan()
    mask = center(height, width)
    found = np.asarray(espirit(kspace, mask, crop=0.0)[0])[0]
    assert unexplained(found, image, maps) < error
    ratio = estimate_sensitivities(kspace * mask, mask)
    assert unexplained(found, image, maps) < unexplained(ratio, image, maps) - 5


def test_region_is_used_as_it_is_and_nothing_beyond():
    kspace, image, maps = scan()
    few, many = center(8, 8), center(24, 8)
    wide, _ = espirit(kspace, many, crop=0.0)
    narrow, _ = espirit(kspace, few, crop=0.0)
    assert unexplained(wide[0], image, maps) < unexplained(narrow[0], image, maps)
    beyond = kspace + 10 * (1 - many)
    np.testing.assert_allclose(espirit(beyond, many, crop=0.0)[0], wide, atol=1e-4)


@pytest.mark.parametrize(
    "level", [0.0, *(pytest.param(x, marks=pytest.mark.slow) for x in (0.0005, 0.005)), 0.03]
)
def test_threshold_follows_the_noise(level):
    kspace, image, maps = scan(level)
    mask = center(24, 12)
    ours = unexplained(espirit(kspace, mask, crop=0.0)[0][0], image, maps)
    fixed = [
        unexplained(espirit(kspace, mask, threshold=t, crop=0.0)[0][0], image, maps)
        for t in (0.002, 0.01, 0.05)
    ]
    assert ours < min(fixed) + 2 < max(fixed)


def test_maps_have_unit_squares_where_the_object_is_and_are_zero_below_the_crop():
    kspace, image, _ = scan()
    maps, values = espirit(kspace, center(24, 24), threshold=0.05, crop=0.9)
    size, values = root_sum_of_squares(maps[0], axis=0), np.asarray(values)[0]
    np.testing.assert_allclose(size, values > 0.9, atol=1e-4)
    inside, outside = np.abs(image) > 0.1, np.abs(image) == 0
    assert values[inside].min() > 0.95 and values.max() < 1.01
    assert np.mean(values[outside] > 0.9) < 0.5


def test_combined_image_is_nearly_real():
    kspace, image, _ = scan()
    maps, _ = espirit(kspace, center(24, 24))
    combined = np.sum(np.conj(maps[0]) * ifft2c(kspace), axis=0)[np.abs(image) > 0.2]
    assert np.abs(combined.sum()) > 0.98 * np.abs(combined).sum()
    assert np.sum(combined).real > 0


def test_second_set_explains_what_is_folded_into_the_field_of_view():
    kspace, image, maps = scan()
    folded = np.roll(image, SHAPE[0] // 2, axis=0)
    other = np.roll(maps[::-1], SHAPE[0] // 2, axis=0)
    kspace = fft2c(maps * image + other * folded)
    mask = center(24, 24)
    both, values = (np.asarray(a) for a in espirit(kspace, mask, sets=2, crop=0.0))
    assert both.shape == (2, 6, *SHAPE) and values.shape == (2, *SHAPE)
    np.testing.assert_allclose(np.sum(np.conj(both[0]) * both[1], axis=0), 0, atol=1e-3)
    twice = (np.abs(image) > 0.1) & (np.abs(folded) > 0.1)
    images = ifft2c(kspace)[:, twice]

    def left(sets: np.ndarray) -> float:
        sets = sets[:, :, twice]
        explained = np.einsum("scp,sp->cp", sets, np.einsum("scp,cp->sp", sets.conj(), images))
        return float(np.linalg.norm(images - explained) / np.linalg.norm(images))

    assert left(both) < 0.05 < 0.15 < left(both[:1])
    assert np.median(values[1][twice]) > 0.95
    _, alone = espirit(scan()[0], mask, sets=2)
    assert np.median(np.asarray(alone)[1][np.abs(image) > 0.1]) < 0.8


def test_leading_axes_are_scans_of_their_own_also_under_jit():
    mask = center(24, 8)
    kspaces = np.stack([scan(index=i)[0] for i in (0, 1)])[:, None]
    maps, values = espirit(kspaces, mask)
    assert maps.shape == (2, 1, 1, 6, *SHAPE) and values.shape == (2, 1, 1, *SHAPE)
    for i in range(2):
        np.testing.assert_allclose(maps[i, 0], espirit(kspaces[i, 0], mask)[0], atol=1e-3)
    jitted, _ = jax.jit(lambda k: espirit(k, mask))(kspaces)
    np.testing.assert_allclose(jitted, maps, atol=1e-3)


@pytest.mark.parametrize("pattern", ["cartesian_random", "gaussian_2d"])
def test_maps_to_reconstruct_with_come_from_any_mask(pattern):
    kspace, image, maps = scan()
    mask = sample_mask(pattern, SHAPE, 4, 0.16, 0)
    found = sensitivity_maps(kspace * mask, mask)
    assert isinstance(found, np.ndarray) and found.shape == maps.shape
    assert unexplained(found, image, maps) < -30


def test_map_of_one_coil_is_the_phase_of_its_image():
    image = make_slice(7, 0, SHAPE, ("head",)).image * np.exp(1j)
    mask = sample_mask("cartesian_random", SHAPE, 4, 0.16, 0)
    (phase,) = sensitivity_maps(mask * fft2c(image)[None], mask)
    np.testing.assert_allclose(np.abs(phase), 1, atol=1e-5)
    bright = np.abs(image) > 0.2
    assert np.mean((np.conj(phase) * image).real[bright] / np.abs(image)[bright]) > 0.95


def test_center_without_samples_is_a_user_error():
    kspace, _, _ = scan()
    with pytest.raises(UserError, match="2 x 2 samples of k-space; here it has 24 x 1"):
        espirit(kspace, center(24, 1))
