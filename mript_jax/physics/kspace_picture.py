"""The picture of k-space that Larsen et al. (2022) trained on: 8-bit RGBA, in [0, 1].

Kept to compare with; it is no way to an MR image. It loses the phase altogether, all but 256 levels
of log magnitude (two neighbouring levels differ by some 8 %), and the two ends of the gray scale,
which are not stored. Four channels hold one: red, green and blue are equal, alpha is 1.
"""

import jax
import jax.numpy as jnp

LEVELS = 255
SMALLEST = 1e-9  # added to the magnitude before its logarithm
NARROWEST = 1e-3  # gray scale, of an empty image


def kspace_picture(kspace: jax.Array, mask: jax.Array) -> jax.Array:
    """k-space [B, H, W, 2] -> its picture [B, H, W, 4]; what `mask` [B, H, W] leaves out is black.

    The gray scale runs from the least to the greatest log magnitude of what was measured.
    """
    log = _log_magnitude(kspace)
    low, high = _ends(log, mask)
    gray = jnp.clip((log - low) / (high - low), 0.0, 1.0) * mask
    gray = jnp.round(gray * LEVELS) / LEVELS
    return jnp.stack([gray, gray, gray, jnp.ones_like(gray)], axis=-1)


def from_picture(picture: jax.Array, kspace: jax.Array, mask: jax.Array) -> jax.Array:
    """As much of k-space as a picture tells: magnitudes, with the phase taken to be 0.

    The ends of the gray scale come from the measured part of `kspace`.
    """
    low, high = _ends(_log_magnitude(kspace), mask)
    gray = jnp.mean(picture[..., :3], axis=-1)
    magnitude = jnp.exp(jnp.clip(gray, 0.0, 1.0) * (high - low) + low) - SMALLEST
    return jnp.stack([magnitude, jnp.zeros_like(magnitude)], axis=-1)


def _log_magnitude(kspace: jax.Array) -> jax.Array:
    return jnp.log(jnp.hypot(kspace[..., 0], kspace[..., 1]) + SMALLEST)


def _ends(log: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Least and greatest value of each image where it was measured, [B, 1, 1]."""
    low = jnp.min(jnp.where(mask > 0, log, jnp.inf), axis=(1, 2), keepdims=True)
    high = jnp.max(jnp.where(mask > 0, log, -jnp.inf), axis=(1, 2), keepdims=True)
    return low, jnp.maximum(high, low + NARROWEST)
