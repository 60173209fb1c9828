"""The phase of an image, as far as the center of its k-space shows it."""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.coils import combine
from mript_jax.physics.fourier import Array, ifft2c, mirrored

PHASE_WIDTH = 0.06  # of the k-space window behind a phase estimate, as a share of its size


def low_resolution_phase(kspace: Array, mask: Array, sensitivities: Array | None = None) -> Array:
    """exp(i phase) of the coil-combined image that the center of k-space shows, [..., H, W].

    k-space is [..., C, H, W], as measurement.py takes it. Only points measured together with their
    mirror image count, so that a real image has phase 0 however it was sampled.
    """
    xp = jnp if isinstance(kspace, jax.Array) else np
    H, W = kspace.shape[-2:]
    y, x = (np.arange(n) - n // 2 for n in (H, W))
    window = np.exp(-0.5 * ((y[:, None] / H) ** 2 + (x / W) ** 2) / PHASE_WIDTH**2)
    window = np.expand_dims(window.astype(np.float32), tuple(range(mask.ndim - 2)))
    paired = mask * mirrored(mask) * window  # [..., H, W]
    low = combine(ifft2c(kspace * paired[..., None, :, :]), sensitivities)
    return xp.exp(1j * xp.angle(low))
