"""The pictures of Larsen et al.: 256 levels of log magnitude without phase."""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics import kspace_picture as pictures
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.kspace_compression import as_channels, as_complex

kspace_picture, from_picture = map(jax.jit, (pictures.kspace_picture, pictures.from_picture))


def disc_kspace(size=48):
    y, x = np.mgrid[:size, :size] - size / 2 + 0.3
    image = (np.hypot(y / 0.8, x + 4) < 0.3 * size).astype(np.float32)
    return image, as_channels(fft2c(jnp.asarray(image[None])))


def test_picture_is_gray_and_opaque_in_256_levels():
    _, kspace = disc_kspace()
    picture = np.asarray(kspace_picture(kspace, jnp.ones((1, 48, 48))))
    assert picture.shape == (1, 48, 48, 4)
    assert picture[..., :3].min() == 0 and picture[..., :3].max() == 1
    np.testing.assert_array_equal(picture[..., 0], picture[..., 1])
    np.testing.assert_array_equal(picture[..., 3], 1)
    np.testing.assert_allclose(picture * 255, np.round(picture * 255), atol=1e-4)


def test_picture_keeps_magnitudes_to_a_level_and_loses_phases():
    image, kspace = disc_kspace()
    mask = jnp.ones((1, 48, 48))
    back = from_picture(kspace_picture(kspace, mask), kspace, mask)
    true = np.abs(as_complex(kspace))
    logs = np.log(true + 1e-9)
    step = (logs.max() - logs.min()) / 255
    error = np.abs(np.log(np.abs(as_complex(back)) + 1e-9) - logs)
    assert error.max() < 0.51 * step
    assert np.abs(back[..., 1]).max() == 0
    wrong = np.abs(ifft2c(as_complex(back)))[0]  # all in phase: a peak, no image
    assert np.linalg.norm(wrong - image) > 0.5 * np.linalg.norm(image)


def test_picture_of_an_empty_slice_is_finite():
    zero = jnp.zeros((1, 8, 8, 2))
    assert np.isfinite(kspace_picture(zero, jnp.ones((1, 8, 8)))).all()
