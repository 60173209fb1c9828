"""The measurement of a batch, the same for one coil and for many."""

import jax
import jax.numpy as jnp

from mript_jax.batch import Batch, read_field
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.measurement import Measurement


def measurement_of(batch: Batch) -> Measurement:
    """From the batch's k-space, with its sensitivities or those of the center of k-space.

    That a simulated image is real is not used: no scanner's is, and at 2x the symmetry of its
    k-space would give most of it away.
    """
    kspace, mask = jnp.asarray(read_field(batch, "kspace")), jnp.asarray(batch["mask"])
    if "sensitivities" in batch:
        return Measurement(kspace, mask, jnp.asarray(batch["sensitivities"]))
    return Measurement(kspace, mask, low_frequency_sensitivities(kspace))


def low_frequency_sensitivities(kspace: jax.Array, width: float = 0.04) -> jax.Array:
    """Coil sensitivities [B, C, H, W] from the center of k-space, as smooth as a window of `width`.

    One coil gets the phase of its image, so that what is left is nearly real.
    """
    height, columns = kspace.shape[-2:]
    y, x = jnp.arange(height) - height // 2, jnp.arange(columns) - columns // 2
    squared = jnp.square(y / height)[:, None] + jnp.square(x / columns)[None]
    window = jnp.exp(-0.5 * squared / width**2)
    low = ifft2c(kspace * window[None, None])
    size = root_sum_of_squares(low, axis=1)[:, None]
    return low / jnp.maximum(size, 1e-6 * jnp.max(size, axis=(1, 2, 3), keepdims=True))
