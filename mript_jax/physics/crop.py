"""Images of measured k-space, cropped, and what its mask says of them.

Scanners measure a larger field of view than the image shows. Cropping along the readout leaves the
phase encodes as they are. Cropping across them mixes what was sampled with what was not, so that
has to wait until the image is reconstructed.
"""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.coils import combine, estimate_sensitivities, root_sum_of_squares
from mript_jax.physics.fourier import Array, fft2c, ifft2c

CENTER = 0.08  # of the phase encodes: what sensitivities are estimated from


def center_crop(image: Array, shape: tuple[int, int]) -> Array:
    """The central part of the last two axes, with zeros where the image is smaller."""
    for axis, wanted in zip((-2, -1), shape, strict=True):
        have = image.shape[axis]
        start = abs(have - wanted) // 2
        if have > wanted:
            inside = [slice(None)] * image.ndim
            inside[axis] = slice(start, start + wanted)
            image = image[tuple(inside)]
        elif have < wanted:
            padding = [(0, 0)] * image.ndim
            padding[axis] = (start, wanted - have - start)
            image = (jnp if isinstance(image, jax.Array) else np).pad(image, padding)
    return image


def crop_readout(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """What a mask [H, W] of k-space samples of an image cropped to `shape` along the readout.

    The axis along which all lines are alike is the readout; a mask without one stays as it is.
    """
    rows, columns = mask.shape
    if (mask == mask[:1]).all():
        rows = min(rows, shape[0])
    elif (mask == mask[:, :1]).all():
        columns = min(columns, shape[1])
    return mask[:rows, :columns]


def crop_kspace(
    kspace: np.ndarray, mask: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """k-space [..., H, W] sampled at `mask` [H, W], and the mask, of images cropped to `shape`.

    They are cropped along the readout alone, as `crop_readout` says. Where the mask is 0, so is
    k-space.
    """
    kspace, cropped = kspace * mask, crop_readout(mask, shape)
    if cropped.shape == mask.shape:
        return kspace, mask
    return cropped * fft2c(center_crop(ifft2c(kspace), cropped.shape)), cropped


def complex_image(kspace: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The image [..., h, w] of fully sampled k-space [..., C, H, W], with its phase.

    Coils are combined by sensitivities, to which their slow phase is counted.
    """
    images = ifft2c(kspace)
    if kspace.shape[-3] == 1:
        return center_crop(images[..., 0, :, :], shape)
    sensitivities = estimate_sensitivities(kspace, max(round(CENTER * kspace.shape[-1]), 2))
    return center_crop(combine(images, sensitivities), shape)


def zero_filled_scan(kspace: np.ndarray) -> np.ndarray:
    """The zero-filled image [..., H, W] of undersampled k-space [..., C, H, W].

    One coil's image is complex, that of several their root-sum-of-squares.
    """
    images = ifft2c(kspace)
    return images[..., 0, :, :] if images.shape[-3] == 1 else root_sum_of_squares(images, axis=-3)
