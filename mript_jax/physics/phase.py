"""The low-resolution phase of an image, estimated from the center of its k-space."""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.coils import combine
from mript_jax.physics.fourier import Array, ifft2c, mirrored

PHASE_WIDTH = 0.06  # of the k-space window behind a phase estimate, as a share of its size


def low_resolution_phase(kspace: Array, mask: Array, sensitivities: Array | None = None) -> Array:
    """exp(i phase) of the low-resolution, coil-combined image of k-space, [..., H, W].

    k-space is [..., C, H, W], as for physics/measurement.py. It uses only points whose mirror image
    through zero frequency was measured too, so that a real image has phase 0 under every mask.
    """
    xp = jnp if isinstance(kspace, jax.Array) else np
    H, W = kspace.shape[-2:]
    y, x = (np.arange(n) - n // 2 for n in (H, W))
    window = np.exp(-0.5 * ((y[:, None] / H) ** 2 + (x / W) ** 2) / PHASE_WIDTH**2)
    window = window[(None,) * (mask.ndim - 2)].astype(np.float32)
    paired = mask * mirrored(mask) * window  # [..., H, W]
    low = combine(ifft2c(kspace * paired[..., None, :, :]), sensitivities)
    return xp.exp(1j * xp.angle(low))
