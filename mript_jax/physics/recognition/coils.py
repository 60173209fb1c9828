"""A guess whether the first axis of k-space [N, H, W] holds coils of one slice."""

import numpy as np

from mript_jax.physics.fourier import ifft2c

CENTER = 24  # samples of the low-resolution images along an axis
SMOOTH = 6  # samples of the ratio of two coil images, which is smooth
FITS = 0.38  # relative error of that ratio: below for coils, 0.5 and above for unlike slices
VARIES = 0.25  # spread of its logarithm: above for coils, 0.1 and below for neighbouring slices


def looks_like_coils(kspace: np.ndarray) -> bool:
    """Return True if each image is a smooth, varying function times the strongest one.

    Coils are such. Images of distant slices differ in their details; those of neighbouring slices
    have a ratio near 1 everywhere.
    """
    if not 2 <= len(kspace) <= 128 or min(kspace.shape[-2:]) < 2 * SMOOTH:
        return False
    low = ifft2c(_center(kspace, CENTER))  # [N, h, w]
    energy = np.sum(np.abs(low) ** 2, axis=(1, 2))
    strongest = int(np.argmax(energy))
    if energy.min() <= 1e-6 * energy.max():
        return False
    first, others = low[strongest], np.delete(low, strongest, axis=0)
    weight = _smooth(np.abs(first) ** 2).real
    ratio = _smooth(others * first.conj()) / np.maximum(weight, 1e-3 * weight.max())
    error = np.sum(np.abs(others - ratio * first) ** 2, axis=(1, 2)) / np.delete(energy, strongest)
    share, logarithm = weight / weight.sum(), np.log(np.abs(ratio) + 1e-6)
    mean = np.sum(share * logarithm, axis=(1, 2), keepdims=True)
    variance = np.sum(share * (logarithm - mean) ** 2, axis=(1, 2))
    return bool(np.median(error) < FITS**2 and np.median(variance) > VARIES**2)


def _center(kspace: np.ndarray, size: int) -> np.ndarray:
    H, W = kspace.shape[-2:]
    h, w = min(size, H), min(size, W)
    top, left = H // 2 - h // 2, W // 2 - w // 2
    return kspace[..., top : top + h, left : left + w]


def _smooth(images: np.ndarray) -> np.ndarray:
    """Images [..., h, w] with the center of their spectrum alone."""
    h, w = images.shape[-2:]
    y, x = (np.abs(np.fft.fftfreq(n) * n) for n in (h, w))
    window = np.exp(-0.5 * ((y[:, None] / SMOOTH) ** 2 + (x / SMOOTH) ** 2) * 4)
    return np.fft.ifft2(window * np.fft.fft2(images))
