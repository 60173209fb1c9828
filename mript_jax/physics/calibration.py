"""The autocalibration region: the fully sampled center of k-space, and what its patches span.

The calibration matrix has a patch of all coils in each row. Its large singular values belong to an
object seen through smooth sensitivities; the small ones are those of noise.
"""

import functools
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.fourier import Array

Shape = tuple[int, int]
Region = tuple[int, int]  # height and width, around zero frequency
Size = TypeVar("Size", int, np.ndarray, jax.Array)


def calibration_region(mask: Array, most: Shape) -> tuple[Array, Array]:
    """Height and width [...] of the largest fully sampled rectangle at the center of [..., H, W].

    It is at most as large as `most`, and 0 by 0 where zero frequency is not sampled.
    """
    xp = jnp if isinstance(mask, jax.Array) else np
    sampled = (mask > 0).cumsum(axis=-2).cumsum(axis=-1)
    sampled = xp.pad(sampled, [(0, 0)] * (mask.ndim - 2) + [(1, 0), (1, 0)])  # above, left of each
    H, W = mask.shape[-2:]
    heights, widths = np.arange(1, min(H, most[0]) + 1), np.arange(1, min(W, most[1]) + 1)
    top, left = start(H, heights), start(W, widths)
    bottom, right = top + heights, left + widths
    inside = (
        sampled[..., bottom[:, None], right]
        - sampled[..., top[:, None], right]
        - sampled[..., bottom[:, None], left]
        + sampled[..., top[:, None], left]
    )
    area = (heights[:, None] * widths).reshape(*(1,) * (mask.ndim - 2), len(heights), -1)
    full = xp.where(inside == area, area, 0).reshape(*mask.shape[:-2], -1)
    index, found = full.argmax(axis=-1), full.max(axis=-1) > 0
    sizes = np.broadcast_arrays(heights[:, None], widths)
    height, width = (xp.where(found, xp.asarray(size.ravel())[index], 0) for size in sizes)
    return height, width


def known_region(mask: np.ndarray, most: Shape) -> Region:
    """The `calibration_region` of one mask [H, W] that is known before anything is compiled."""
    height, width = calibration_region(mask, most)
    return int(height), int(width)


def start(length: int, size: Size) -> Size:
    """Where the `size` samples around zero frequency begin; as fastMRI's `center_block`."""
    return (length - size + 1) // 2


def crop_to_region(kspace: Array, region: Region) -> Array:
    """The samples [..., h, w] of the region."""
    top, left = (start(n, size) for n, size in zip(kspace.shape[-2:], region, strict=True))
    return kspace[..., top : top + region[0], left : left + region[1]]


def calibration_matrix(samples: Array, kernel: Shape) -> Array:
    """All patches of the size of the kernel in samples [C, h, w]: [patches, C kh kw]."""
    y, x = (
        np.arange(n - k + 1)[:, None] + np.arange(k)
        for n, k in zip(samples.shape[1:], kernel, strict=True)
    )
    patches = samples[:, y[:, None, :, None], x[None, :, None, :]]  # [C, rows, columns, kh, kw]
    return patches.swapaxes(0, 1).swapaxes(1, 2).reshape(len(y) * len(x), -1)


@functools.lru_cache(maxsize=64)
def noise_singular_values(shape: tuple[int, int, int], kernel: Shape) -> np.ndarray:
    """Those of the calibration matrix of white noise [C, h, w] with a standard deviation of 1.

    In the real and in the imaginary part; the largest first.
    """
    parts = np.random.default_rng(0).standard_normal((2, *shape))
    return np.linalg.svd(calibration_matrix(parts[0] + 1j * parts[1], kernel), compute_uv=False)
