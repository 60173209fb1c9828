"""The orthogonal Daubechies wavelet transform with four taps, periodic at the borders.

Coefficients lie in an array of the image's size, the coarse image at its top left.
"""

import math

import jax
import jax.numpy as jnp

ROOT = math.sqrt(3.0)
LOW = tuple(t / (4 * math.sqrt(2.0)) for t in (1 + ROOT, 3 + ROOT, 3 - ROOT, 1 - ROOT))
HIGH = (LOW[3], -LOW[2], LOW[1], -LOW[0])


def to_wavelets(image: jax.Array, levels: int) -> jax.Array:
    """[..., H, W] -> coefficients; H and W must be multiples of 2^levels."""
    for level in range(levels):
        height, width = _coarse(image, level)
        part = image[..., :height, :width]
        for axis in (-1, -2):
            part = _split(part, axis)
        image = image.at[..., :height, :width].set(part)
    return image


def from_wavelets(coefficients: jax.Array, levels: int) -> jax.Array:
    """The inverse, which is the adjoint too."""
    for level in reversed(range(levels)):
        height, width = _coarse(coefficients, level)
        part = coefficients[..., :height, :width]
        for axis in (-2, -1):
            part = _join(part, axis)
        coefficients = coefficients.at[..., :height, :width].set(part)
    return coefficients


def _coarse(image: jax.Array, level: int) -> tuple[int, int]:
    height, width = image.shape[-2:]
    assert height % 2 ** (level + 1) == 0 == width % 2 ** (level + 1), image.shape
    return height >> level, width >> level


def _split(x: jax.Array, axis: int) -> jax.Array:
    """Lows, then highs, each of half the length."""
    x = jnp.moveaxis(x, axis, -1)
    even, odd = x[..., 0::2], x[..., 1::2]
    taps = (even, odd, jnp.roll(even, -1, -1), jnp.roll(odd, -1, -1))
    halves = [sum(w * t for w, t in zip(f, taps, strict=True)) for f in (LOW, HIGH)]
    return jnp.moveaxis(jnp.concatenate(halves, axis=-1), -1, axis)


def _join(x: jax.Array, axis: int) -> jax.Array:
    low, high = jnp.split(jnp.moveaxis(x, axis, -1), 2, axis=-1)
    before_low, before_high = jnp.roll(low, 1, -1), jnp.roll(high, 1, -1)
    even, odd = (
        LOW[i] * low + LOW[i + 2] * before_low + HIGH[i] * high + HIGH[i + 2] * before_high
        for i in (0, 1)
    )
    joined = jnp.stack([even, odd], axis=-1)
    return jnp.moveaxis(joined.reshape(*joined.shape[:-2], -1), -1, axis)
