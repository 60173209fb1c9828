"""Compression of k-space is invertible and differentiable."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.physics import kspace_compression
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.kspace_compression import as_channels, as_complex

compress, expand = map(jax.jit, (kspace_compression.compress, kspace_compression.expand))


def draw(*shape, spread=3.0):
    """k-space whose magnitudes span many powers of ten."""
    rng = np.random.default_rng(0)
    size = 10.0 ** rng.uniform(-spread, spread, (*shape, 1))
    return jnp.asarray(rng.standard_normal((*shape, 2)) * size, jnp.float32)


@settings(max_examples=10, deadline=None)
@given(st.floats(1e-3, 1.0))
def test_expand_inverts_compress_at_every_magnitude(knee):
    kspace = draw(100)
    back = expand(compress(kspace, knee), knee)
    np.testing.assert_allclose(back, kspace, rtol=2e-5, atol=1e-9)
    channels = draw(100, spread=1.0)
    channels = 5.0 * channels / jnp.abs(channels).max()
    np.testing.assert_allclose(compress(expand(channels, knee), knee), channels, rtol=2e-5)


def test_compress_takes_asinh_of_magnitudes_and_keeps_phases():
    kspace = draw(50)
    before, after = as_complex(kspace), as_complex(compress(kspace, 0.1))
    np.testing.assert_allclose(jnp.abs(after), jnp.arcsinh(jnp.abs(before) / 0.1), rtol=1e-5)
    np.testing.assert_allclose(after / jnp.abs(after), before / jnp.abs(before), atol=1e-5)


def test_image_is_recovered_from_compressed_kspace():
    image = np.random.default_rng(1).random((2, 33, 40), np.float32)
    channels = compress(as_channels(fft2c(jnp.asarray(image))), 0.02)
    assert jnp.abs(channels).max() < 10  # the center no longer dominates
    back = ifft2c(as_complex(expand(channels, 0.02)))
    np.testing.assert_allclose(back, image, atol=1e-5)


def test_compress_and_expand_have_a_gradient_at_zero():
    zero = jnp.zeros((1, 2))
    for function, slope in ((compress, 1 / 0.1), (expand, 0.1)):
        gradient = jax.jacobian(lambda x, f=function: f(x, 0.1))(zero)[0, :, 0]
        np.testing.assert_allclose(gradient, slope * np.eye(2), rtol=1e-6)
