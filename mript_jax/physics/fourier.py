"""Centered, orthonormal Fourier transforms over the last two axes.

Zero frequency lies at index n // 2 of each axis; fft2c and ifft2c are each other's inverse and
adjoint. One code for NumPy and JAX arrays; single precision stays single.
"""

import jax
import jax.numpy as jnp
import numpy as np

AXES = (-2, -1)


def fft2c(image: np.ndarray | jax.Array) -> np.ndarray | jax.Array:
    """Image to k-space."""
    xp = jnp if isinstance(image, jax.Array) else np
    shifted = xp.fft.ifftshift(image, axes=AXES)
    return xp.fft.fftshift(xp.fft.fft2(shifted, axes=AXES, norm="ortho"), axes=AXES)


def ifft2c(kspace: np.ndarray | jax.Array) -> np.ndarray | jax.Array:
    """k-space to image."""
    xp = jnp if isinstance(kspace, jax.Array) else np
    shifted = xp.fft.ifftshift(kspace, axes=AXES)
    return xp.fft.fftshift(xp.fft.ifft2(shifted, axes=AXES, norm="ortho"), axes=AXES)
