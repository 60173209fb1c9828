"""Uncertainty of each pixel: how far reconstructions from half of the samples lie apart."""

import numpy as np
from scipy.ndimage import gaussian_filter

from mript_jax.inference.estimate import MeasuredSlices
from mript_jax.inference.methods import Method
from mript_jax.physics.calibration import known_region, start

SMOOTH = 2.0  # pixels: standard deviation of the window over which the halves are compared
# a R^b at the acceleration R: the error's standard deviation over that of the halves, fitted to the
# model that comes along on phantoms with one coil; with six it is the same.
CALIBRATION = 0.4, 0.6
ABOUT = "standard deviation of the error, its scale fitted to the model small on phantoms"


def uncertainty(
    method: Method, slices: MeasuredSlices, images: np.ndarray, seed: int = 0
) -> np.ndarray:
    """A standard deviation [S, H, W] of the error of `images` [S, H, W] by a method.

    It reconstructs twice, each time from a random half of the samples outside of the
    autocalibration region. What the method invents in every case alike does not show.
    """
    halves = np.stack([split_mask(mask, seed) for mask in slices.masks], axis=1)  # [2, S, H, W]
    found = [method(MeasuredSlices(slices.kspace * m[:, None], m)).images for m in halves]
    spread = sum((image - images) ** 2 for image in found)
    smooth = [gaussian_filter(of_slice, SMOOTH) for of_slice in spread]
    factor, power = CALIBRATION
    accelerations = 1 / np.mean(slices.masks, axis=(1, 2), keepdims=True)  # [S, 1, 1]
    return (factor * accelerations**power * np.sqrt(np.stack(smooth))).astype(np.float32)


def split_mask(mask: np.ndarray, seed: int) -> np.ndarray:
    """Two masks [2, H, W], each with the center and a random half of the samples around it.

    Whole lines stay whole. Of an odd number of samples one is in neither.
    """
    region = known_region(mask, mask.shape)
    top, left = (start(n, size) for n, size in zip(mask.shape, region, strict=True))
    around: np.ndarray = np.asarray(mask > 0)  # the samples that are shared out
    around[top : top + region[0], left : left + region[1]] = False
    if (mask == mask[:1]).all():
        around = np.any(around, axis=0, keepdims=True)
    elif (mask == mask[:, :1]).all():
        around = np.any(around, axis=1, keepdims=True)
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(around))
    count = len(drawn) // 2
    halves = []
    for chosen in (drawn[:count], drawn[count : 2 * count]):
        kept = ~around
        kept.flat[chosen] = True
        halves.append(mask * kept)
    return np.stack(halves)
