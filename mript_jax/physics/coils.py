"""Receive coils: images of one object seen through sensitivities, [..., C, H, W].

expand(x) = S x and combine(y) = sum over coils of conj(S) y are each other's adjoint. Maps are
normalized: their squares add up to 1 wherever there is signal, so that combine(expand(x)) = x.
"""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.fourier import Array, ifft2c

SMALLEST_SIGNAL = 1e-6  # relative to the maximum: below it sensitivities are zero
WIDEST = 0.25  # share of k-space along an axis beyond which maps would only get noisier


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


def estimate_sensitivities(kspace: Array, center_lines: int, axis: int = -1) -> Array:
    """Sensitivities [..., C, H, W] from the fully sampled center of k-space [..., C, H, W].

    They are the coils' low-resolution images over their root-sum-of-squares. The center is
    `center_lines` wide along the phase-encoding direction and, tapered alike, as wide along the
    readout. The phase is relative to the coil images, so the combined image is nearly real.
    """
    H, W = kspace.shape[-2:]
    lines = W if axis in (-1, 1) else H
    if not 2 <= center_lines <= lines:
        raise UserError(
            f"sensitivities need a fully sampled center of 2 to {lines} lines, got {center_lines}"
        )
    share = center_lines / lines
    window = _taper(H, share)[:, None] * _taper(W, share)
    window = np.expand_dims(window.astype(np.float32), tuple(range(kspace.ndim - 2)))
    return _normalized(ifft2c(kspace * window))


def estimate_from_calibration(kspace: Array, mask: Array) -> Array:
    """Sensitivities [..., C, H, W] of undersampled k-space [..., C, H, W] with its masks.

    As `estimate_sensitivities`, from the autocalibration region of each mask [..., H, W].
    """
    return _normalized(calibration_images(kspace, mask))


def calibration_images(kspace: Array, mask: Array) -> Array:
    """Low-resolution coil images [..., C, H, W] from the fully sampled center of each mask."""
    H, W = mask.shape[-2:]
    rows, columns = _region_taper(mask[..., W // 2]), _region_taper(mask[..., H // 2, :])
    window = rows[..., :, None] * columns[..., None, :]  # [..., H, W]
    # Fully sampled k-space is used as it is: its coils then combine to their root-sum-of-squares.
    xp = jnp if isinstance(window, jax.Array) else np
    window = xp.where(mask.min(axis=(-2, -1), keepdims=True) > 0, 1, window)
    return ifft2c(kspace * window[..., None, :, :])


def _normalized(low: Array) -> Array:
    """Coil images [..., C, H, W] over their root-sum-of-squares; 0 where there is no signal."""
    xp = jnp if isinstance(low, jax.Array) else np
    size = root_sum_of_squares(low, axis=-3)[..., None, :, :]
    floor = SMALLEST_SIGNAL * size.max(axis=(-2, -1), keepdims=True)
    return xp.where(size > floor, low / xp.maximum(size, xp.maximum(floor, 1e-30)), 0)


def _region_taper(line: Array) -> Array:
    """A Hann window [..., n] over the samples around the center of lines of a mask [..., n]."""
    xp = jnp if isinstance(line, jax.Array) else np
    size = line.shape[-1]
    center = size // 2
    after = xp.cumprod(line[..., center + 1 :], axis=-1).sum(axis=-1)
    before = xp.cumprod(line[..., :center][..., ::-1], axis=-1).sum(axis=-1)
    width = xp.minimum(xp.minimum(before, after), WIDEST / 2 * size)  # on either side
    distance = np.abs(np.arange(size, dtype=np.float32) - center)
    distance = np.expand_dims(distance, tuple(range(line.ndim - 1))) / (width[..., None] + 1)
    return xp.cos(np.pi / 2 * xp.minimum(distance, 1)) ** 2


def _taper(size: int, share: float) -> np.ndarray:
    """A Hann window over the central share of an axis: no ringing in the maps."""
    width = max(round(size * share), 2)
    distance = np.abs(np.arange(size) - size // 2) / (width / 2)
    return np.where(distance < 1, np.cos(np.pi / 2 * np.minimum(distance, 1)) ** 2, 0.0)
