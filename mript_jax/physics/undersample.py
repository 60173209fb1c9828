"""From images to undersampled k-space and back: y = mask * fft(S x), and its adjoint.

S are coil sensitivities [..., C, H, W]; masks are over centered k-space and broadcast against
what they multiply: [H, W], or with coils [..., 1, H, W].
"""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.coils import combine, expand
from mript_jax.physics.fourier import AXES, fft2c, ifft2c, library

Array = np.ndarray | jax.Array

PHASE_WIDTH = 0.06  # of the k-space window behind a phase estimate, as a share of its size


def zero_filled_image(image: Array, mask: Array) -> Array:
    """ifft(mask * fft(image)): complex [..., H, W]."""
    fft = library(image)  # the image need not be centered: its shifts there and back cancel
    mask, axes = _needed(mask)
    return fft.ifftn(fft.ifftshift(mask, axes=axes) * fft.fftn(image, axes=axes), axes=axes)


def forward(image: Array, sensitivities: Array, mask: Array) -> Array:
    """mask * fft(sensitivities * image): [..., H, W] -> [..., C, H, W]."""
    return mask * fft2c(expand(image, sensitivities))


def adjoint(kspace: Array, sensitivities: Array, mask: Array) -> Array:
    """sum over coils of conj(sensitivities) ifft(mask * kspace): [..., C, H, W] -> [..., H, W]."""
    return combine(ifft2c(mask * kspace), sensitivities)


def data_consistency(
    image: Array, kspace: Array, mask: Array, sensitivities: Array | None = None
) -> Array:
    """The image whose k-space is as measured where `mask` is 1, and as estimated elsewhere.

    With sensitivities, k-space is [..., C, H, W] and each coil's is treated so; their images are
    then combined.
    """
    if sensitivities is not None:
        return combine(data_consistency(expand(image, sensitivities), kspace, mask), sensitivities)
    return ifft2c(mask * kspace + (1 - mask) * fft2c(image))


def low_resolution_phase(kspace: Array, mask: Array) -> Array:
    """exp(i phase) of the image that the center of k-space shows, [..., H, W].

    Only points measured together with their mirror image count, so that a real image has phase 0
    however it was sampled.
    """
    xp = jnp if isinstance(kspace, jax.Array) else np
    H, W = kspace.shape[-2:]
    y, x = (np.arange(n) - n // 2 for n in (H, W))
    window = np.exp(-0.5 * ((y[:, None] / H) ** 2 + (x / W) ** 2) / PHASE_WIDTH**2)
    mirror = np.ix_((-y + H // 2) % H, (-x + W // 2) % W)
    paired = mask * mask[..., mirror[0], mirror[1]]
    low = ifft2c(kspace * paired * window.astype(np.float32))
    return xp.exp(1j * xp.angle(low))


def _needed(mask: Array) -> tuple[Array, tuple[int, ...]]:
    """One line of a mask of whole columns or rows, and the axes along which it does something."""
    if isinstance(mask, np.ndarray):
        columns, rows = mask[..., :1, :], mask[..., :1]
        if (mask == columns).all():
            return columns, (-1,)
        if (mask == rows).all():
            return rows, (-2,)
    return mask, AXES
