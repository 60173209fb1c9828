"""Dynamic range compression of k-space, and its exact inverse.

k-space spans many powers of ten between its center and its edge, too many for a network. The map
keeps the phase and replaces the magnitude m by asinh(m / knee): linear well below the knee,
logarithmic above it. Real and imaginary part are two channels, the last axis.
"""

import jax
import jax.numpy as jnp

SMALL_VALUE = 1e-3  # below it, asinh(t) / t and sinh(t) / t are 1 to float32 rounding


def compress(kspace: jax.Array, knee: float) -> jax.Array:
    """Replace the magnitude m by asinh(m / knee): [..., 2] -> [..., 2]."""
    scaled = kspace / knee
    return scaled * _ratio(jnp.arcsinh, scaled)


def expand(channels: jax.Array, knee: float) -> jax.Array:
    """Invert `compress`: [..., 2] -> [..., 2]."""
    return channels * _ratio(jnp.sinh, channels) * knee


def as_channels(kspace: jax.Array) -> jax.Array:
    """Complex [...] -> real [..., 2]."""
    return jnp.stack([kspace.real, kspace.imag], axis=-1)


def as_complex(channels: jax.Array) -> jax.Array:
    """Real [..., 2] -> complex [...]."""
    return jax.lax.complex(channels[..., 0], channels[..., 1])


def _ratio(function, channels: jax.Array) -> jax.Array:
    """function(m) / m of the magnitudes, with a finite gradient at zero: [..., 1]."""
    square = jnp.sum(jnp.square(channels), axis=-1, keepdims=True)
    usual = square > SMALL_VALUE**2
    magnitude = jnp.sqrt(jnp.where(usual, square, 1.0))
    return jnp.where(usual, function(magnitude) / magnitude, 1.0)
