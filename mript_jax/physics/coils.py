"""Receive coils: images of one object seen through sensitivities, [..., C, H, W].

expand(x) = S x and combine(y) = sum over coils of conj(S) y are each other's adjoint. Maps are
normalized: their squares add up to 1 wherever there is signal, so that combine(expand(x)) = x.
"""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.calibration import calibration_region, start
from mript_jax.physics.fourier import Array, ifft2c

SMALLEST_SIGNAL = 1e-6  # relative to the maximum: below it sensitivities are zero
WIDEST = 0.2  # share of k-space along an axis, beyond which maps only get noisier
TAPER = 3.0  # of the Kaiser window: 2.6 to 5.5 dB more exact maps than a Hann window's


def root_sum_of_squares(images: Array, axis: int) -> Array:
    """Magnitude over the coil axis: sqrt(sum |x|^2)."""
    xp = jnp if isinstance(images, jax.Array) else np
    return xp.sqrt(xp.sum(xp.abs(images) ** 2, axis=axis))


def expand(image: Array, sensitivities: Array | None) -> Array:
    """S x, the coil images: [..., H, W] -> [..., C, H, W]; without maps, of one coil."""
    image = image[..., None, :, :]
    return image if sensitivities is None else sensitivities * image


def combine(images: Array, sensitivities: Array | None) -> Array:
    """S* y, the coil combination: [..., C, H, W] -> [..., H, W]; without maps, of one coil."""
    if sensitivities is None:
        return images.squeeze(axis=-3)
    return (sensitivities.conj() * images).sum(axis=-3)


def estimate_sensitivities(kspace: Array, mask: Array, widest: float | None = None) -> Array:
    """Sensitivities [..., C, H, W]: low-resolution coil images over their root-sum-of-squares.

    ESPIRiT (espirit.py) is far more exact; this is for masks [..., H, W] that are known only when
    a compiled function runs, for smooth maps of fully sampled k-space, and for one coil, whose map
    is the phase of its image. The phase is relative to the coil images, which makes the combined
    image nearly real. `widest`: see `calibration_images`.
    """
    xp = jnp if isinstance(kspace, jax.Array) else np
    low = calibration_images(kspace, mask, widest)
    size = root_sum_of_squares(low, axis=-3)[..., None, :, :]
    floor = SMALLEST_SIGNAL * size.max(axis=(-2, -1), keepdims=True)
    return xp.where(size > floor, low / xp.maximum(size, xp.maximum(floor, 1e-30)), 0)


def calibration_images(kspace: Array, mask: Array, widest: float | None = None) -> Array:
    """Coil images [..., C, H, W] of the autocalibration region, tapered so that they hardly ring.

    They are from no more than the share `widest` of k-space along each axis. By default this is
    WIDEST; but fully sampled k-space is used as it is: its coils then combine to their
    root-sum-of-squares.
    """
    height, width = (max(round((widest or WIDEST) * n), 2) for n in kspace.shape[-2:])
    region = calibration_region(mask, (height, width))
    rows, columns = (_taper(*pair) for pair in zip(kspace.shape[-2:], region, strict=True))
    window = rows[..., :, None] * columns[..., None, :]  # [..., H, W]
    if widest is None:
        xp = jnp if isinstance(window, jax.Array) else np
        window = xp.where(mask.min(axis=(-2, -1), keepdims=True) > 0, 1, window)
    window = window[..., None, :, :]
    return ifft2c(kspace * window.reshape(*(1,) * (kspace.ndim - window.ndim), *window.shape))


def fitted_maps(maps: Array, kspace: Array, mask: Array) -> Array:
    """Maps [..., C, H, W] from elsewhere as those estimated here are: normalized, and in phase.

    Their phase becomes relative to the coil images, whatever it was relative to; where all of them
    are zero they stay so.
    """
    xp = jnp if isinstance(kspace, jax.Array) else np
    size = root_sum_of_squares(maps, axis=-3)[..., None, :, :]
    unit = xp.where(size > 0, maps / xp.where(size > 0, size, 1), 0)
    combined = combine(calibration_images(kspace, mask), unit)[..., None, :, :]
    return unit * xp.exp(1j * xp.angle(combined))


def compress_coils(kspace: Array, coils: int) -> Array:
    """The `coils` virtual coils that hold most of the energy of [..., C, H, W].

    They are the same for all leading axes, such as the slices of a volume. White noise stays so.
    Of fewer coils, the rest is zero.
    """
    xp = jnp if isinstance(kspace, jax.Array) else np
    count = kspace.shape[-3]
    if count <= coils:
        return xp.pad(kspace, [(0, 0)] * (kspace.ndim - 3) + [(0, coils - count), (0, 0), (0, 0)])
    flat = xp.moveaxis(kspace, -3, 0).reshape(count, -1)
    _, vectors = xp.linalg.eigh(flat @ flat.conj().T)  # the smallest first
    return xp.einsum("cv,...chw->...vhw", vectors[:, : -coils - 1 : -1].conj(), kspace)


def _taper(length: int, size: Array) -> Array:
    """Kaiser windows [..., length] over the `size` [...] samples around zero frequency."""
    xp = jnp if isinstance(size, jax.Array) else np
    size = size[..., None]
    index = np.arange(length).reshape(*(1,) * (size.ndim - 1), length)
    first = start(length, size)
    distance = np.abs(index - length // 2) / (size / 2 + 0.5)
    window = xp.i0(TAPER * xp.sqrt(xp.maximum(1 - distance**2, 0))) / np.i0(TAPER)
    return xp.where((index >= first) & (index < first + size), window, 0).astype(np.float32)
