"""Receive coils: combining their images."""

import jax
import jax.numpy as jnp
import numpy as np


def root_sum_of_squares(images: np.ndarray | jax.Array, axis: int) -> np.ndarray | jax.Array:
    """Magnitude over the coil axis: sqrt(sum |x|^2)."""
    xp = jnp if isinstance(images, jax.Array) else np
    return xp.sqrt(xp.sum(xp.abs(images) ** 2, axis=axis))
