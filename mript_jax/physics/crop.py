"""Cropping of images to the field of view, and of their k-space and mask; padding of k-space.

Scanners measure a larger field of view than the image shows. Cropping along the readout leaves the
phase-encoding lines as they are. Cropping in the phase-encoding direction would mix sampled with
unsampled lines, so it is done after reconstruction. Zeros around k-space leave all lines in place.
"""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.coils import combine, estimate_sensitivities, root_sum_of_squares
from mript_jax.physics.fourier import Array, fft2c, ifft2c

CENTER = 0.08  # share of k-space along each axis whose phase counts to the sensitivities


def center_crop(image: Array, shape: tuple[int, int]) -> Array:
    """The central part `shape` of the last two axes, zero-padded where the image is smaller."""
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
    """The mask [h, w] of the k-space of an image that is cropped to `shape` along the readout.

    The readout is the axis along which the mask [H, W] is constant; a mask without such an axis is
    returned as it is.
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
    """k-space [..., h, w] and mask [h, w] of images cropped to `shape` along the readout.

    See `crop_readout` for the readout. k-space is 0 where the mask is 0.
    """
    kspace, cropped = kspace * mask, crop_readout(mask, shape)
    if cropped.shape == mask.shape:
        return kspace, mask
    return cropped * fft2c(center_crop(ifft2c(kspace), cropped.shape)), cropped


def pad_kspace(kspace: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """k-space or a mask [..., h, w] with zeros around it, to `shape`: the image gets finer pixels.

    Its field of view stays as it is, and so do the samples and their distance from zero frequency.
    """
    around = [around_center(*sizes) for sizes in zip(kspace.shape[-2:], shape, strict=True)]
    return np.pad(kspace, [(0, 0)] * (kspace.ndim - 2) + around)


def around_center(old: int, new: int) -> tuple[int, int]:
    """Padding before and after an axis that moves index old // 2 to index new // 2."""
    before = new // 2 - old // 2
    return before, new - old - before


def complex_image(kspace: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The image [..., h, w] of fully sampled k-space [..., C, H, W], with its phase.

    Coils are combined by sensitivity maps, which contain the slowly varying phase.
    """
    images = ifft2c(kspace)
    if kspace.shape[-3] == 1:
        return center_crop(images[..., 0, :, :], shape)
    sensitivities = estimate_sensitivities(kspace, np.ones(kspace.shape[-2:]), CENTER)
    return center_crop(combine(images, sensitivities), shape)


def zero_filled_scan(kspace: np.ndarray) -> np.ndarray:
    """The zero-filled image [..., H, W] of undersampled k-space [..., C, H, W].

    It is complex for one coil, and the root-sum-of-squares for several.
    """
    images = ifft2c(kspace)
    return images[..., 0, :, :] if images.shape[-3] == 1 else root_sum_of_squares(images, axis=-3)
