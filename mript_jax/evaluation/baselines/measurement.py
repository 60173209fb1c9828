"""The measurement of a batch, the same for one coil and for many."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from mript_jax.errors import UserError
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.measurement import Measurement


def measurement_of(batch: Mapping[str, jax.Array]) -> Measurement:
    """From `coil_kspace` where a batch has it, else from its simulated `kspace` times the mask.

    The zero-filled image is a magnitude: what was measured cannot be told from it, and compressed
    sensing on its k-space would only look like a weak baseline. That a simulated image is real is
    not used: no scanner's is, and at 2x the symmetry of its k-space would give most of it away.
    """
    mask = jnp.asarray(batch["mask"])
    if "coil_kspace" in batch:
        kspace = jnp.asarray(batch["coil_kspace"])
        return Measurement(kspace, mask, low_frequency_sensitivities(kspace))
    if "kspace" not in batch:
        raise UserError(
            "compressed sensing needs k-space in its batches: set config.data.fields=('kspace',)"
        )
    kspace = jax.lax.complex(batch["kspace"][..., 0], batch["kspace"][..., 1]) * mask
    return Measurement(kspace[:, None], mask)


def low_frequency_sensitivities(kspace: jax.Array, width: float = 0.04) -> jax.Array:
    """Coil sensitivities [B, C, H, W] from the center of k-space, as smooth as a window of `width`.

    One coil gets the phase of its image, so that what is left is nearly real.
    """
    height, columns = kspace.shape[-2:]
    y, x = jnp.arange(height) - height // 2, jnp.arange(columns) - columns // 2
    squared = jnp.square(y / height)[:, None] + jnp.square(x / columns)
    low = ifft2c(kspace * jnp.exp(-0.5 * squared / width**2))
    size = root_sum_of_squares(low, axis=1)[:, None]
    return low / jnp.maximum(size, 1e-6 * jnp.max(size, axis=(1, 2, 3), keepdims=True))
