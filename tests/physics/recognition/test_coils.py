import numpy as np
import pytest

from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import coil_sensitivities
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.recognition.coils import looks_like_coils

SHAPE = (96, 80)


def noisy(images, seed):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((2, *images.shape)) * 0.005
    return fft2c(images + noise[0] + 1j * noise[1])


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
@pytest.mark.parametrize("acceleration", [1.0, 4.0])
def test_coils_of_one_slice_are_told_from_slices(seed, acceleration):
    mask = sample_mask("cartesian_random", SHAPE, acceleration, 0.08, seed)
    image = make_slice(7, seed, SHAPE).image
    coils = image * coil_sensitivities(8, SHAPE, np.random.default_rng(seed))
    assert looks_like_coils(mask * noisy(coils, seed))
    near = [make_slice(7, seed, SHAPE, z=z).image for z in np.linspace(-0.25, 0.25, 6)]
    far = [make_slice(9, 10 * seed + i, SHAPE).image for i in range(5)]
    for images in (near, far):
        assert not looks_like_coils(mask * noisy(np.stack(images), seed))


def test_blank_and_single_images_are_no_coils():
    assert not looks_like_coils(np.zeros((4, *SHAPE), complex))
    assert not looks_like_coils(np.ones((1, *SHAPE), complex))
