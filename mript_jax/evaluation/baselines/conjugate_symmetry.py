"""Conjugate symmetry, y(-k) = conj(y(k)), which fills k-space of images without phase."""

import jax
import jax.numpy as jnp

from mript_jax.batch import Batch, read_field
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c, mirrored
from mript_jax.physics.tasks import Task


def conjugate_symmetry(batch: Batch, task: Task) -> jax.Array:
    """The zero-filled image, [B, H, W, 1], of k-space whose gaps are filled from -k.

    It is to show how much of a gain is due to simulated images being real, as no scanner's is: a
    protocol in which it gains much tells little of the other methods.
    """
    kspace, mask = read_field(batch, "kspace"), batch["mask"][:, None]  # [B, C, H, W], [B, 1, H, W]
    filled = jnp.where(mask > 0, kspace, jnp.conj(mirrored(kspace)))
    return root_sum_of_squares(ifft2c(filled), axis=1)[..., None]
