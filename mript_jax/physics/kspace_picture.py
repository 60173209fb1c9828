"""The picture of k-space that Larsen et al. (2022) trained on: 8-bit RGBA, in [0, 1].

Kept for comparison; an MR image cannot be recovered from it. It has no phase, 256 levels of log
magnitude (two neighbouring levels differ by some 8 %), and does not store the two ends of the gray
scale. The four channels hold one: red, green and blue are equal, alpha is 1.
"""

import jax
import jax.numpy as jnp

LEVELS = 255
SMALLEST = 1e-9  # added to the magnitude before its logarithm
NARROWEST = 1e-3  # width of the gray scale of an empty image


def kspace_picture(kspace: jax.Array, mask: jax.Array) -> jax.Array:
    """k-space [B, H, W, 2] -> its picture [B, H, W, 4]; black where `mask` [B, H, W] is 0.

    The gray scale runs from the least to the greatest log magnitude of the measured samples.
    """
    log = _log_magnitude(kspace)
    low, high = _ends(log, mask)
    gray = jnp.clip((log - low) / (high - low), 0.0, 1.0) * mask
    gray = jnp.round(gray * LEVELS) / LEVELS
    return jnp.stack([gray, gray, gray, jnp.ones_like(gray)], axis=-1)


def from_picture(picture: jax.Array, kspace: jax.Array, mask: jax.Array) -> jax.Array:
    """k-space [B, H, W, 2] of a picture's magnitudes [B, H, W, 4], with phase 0.

    The ends of the gray scale come from the measured samples of `kspace`.
    """
    low, high = _ends(_log_magnitude(kspace), mask)
    gray = jnp.mean(picture[..., :3], axis=-1)
    magnitude = jnp.exp(jnp.clip(gray, 0.0, 1.0) * (high - low) + low) - SMALLEST
    return jnp.stack([magnitude, jnp.zeros_like(magnitude)], axis=-1)


def _log_magnitude(kspace: jax.Array) -> jax.Array:
    return jnp.log(jnp.hypot(kspace[..., 0], kspace[..., 1]) + SMALLEST)


def _ends(log: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Least and greatest value of each image over its measured samples, [B, 1, 1]."""
    low = jnp.min(jnp.where(mask > 0, log, jnp.inf), axis=(1, 2), keepdims=True)
    high = jnp.max(jnp.where(mask > 0, log, -jnp.inf), axis=(1, 2), keepdims=True)
    return low, jnp.maximum(high, low + NARROWEST)
