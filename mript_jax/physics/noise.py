"""Noise of the receive coils: how strong it is, and making it white.

A noise level is the standard deviation of the noise in the real and in the imaginary part of a
sample of k-space, or of a pixel: the Fourier transform does not change it.
"""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.calibration import (
    Region,
    calibration_matrix,
    crop_to_region,
    known_region,
    noise_singular_values,
)
from mript_jax.physics.fourier import Array

OUTERMOST = 0.05  # share of the samples that count as the periphery of k-space
BLOCKS = 8  # along an axis of the image
OUTER_LINES = 0.25  # share of the lines of a Cartesian scan that are its periphery
FEWEST_SAMPLES = 128  # of a block of them: the least of many small ones is too small
REGION = (24, 24)  # most of the autocalibration region
COLUMNS = 256  # most of the calibration matrix
FEWEST_COILS = 4  # whose calibration matrix has room for noise beside the object
SMALLEST = 0.1  # share of the singular values that are noise's alone


def prewhiten(kspace: Array, noise: Array) -> Array:
    """k-space [..., C, H, W] in which the noise of all coils is independent and has a level of 1.

    `noise` [C, N] are samples without signal, as a scanner measures them before a scan.
    """
    xp = jnp if isinstance(kspace, jax.Array) else np
    coils, count = noise.shape
    if coils != kspace.shape[-3] or count < 2 * coils:
        raise UserError(
            f"noise of {coils} coils x {count} samples does not tell how the noise of "
            f"{kspace.shape[-3]} coils is correlated; it takes {2 * kspace.shape[-3]} samples"
        )
    covariance = noise @ noise.conj().T / (2 * count)
    whiten = xp.linalg.inv(xp.linalg.cholesky(covariance)).astype(kspace.dtype)
    return xp.einsum("vc,...chw->...vhw", whiten, kspace)


def estimate_noise(kspace: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The noise level of k-space [C, H, W], sampled at `mask` [H, W], by default everywhere.

    It is told in four ways that the object can only add to, so that the smallest counts: from the
    periphery of k-space, from around the object, from both at once where whole lines are sampled,
    and, of several coils, from what no smooth sensitivities explain in the autocalibration region.
    0 where nothing was measured.
    """
    kspace = kspace[np.any(kspace, axis=(-2, -1))]  # without dead and virtual coils of zeros
    sampled = np.any(kspace, axis=0) if mask is None else np.any(kspace, axis=0) & (mask > 0)
    if not sampled.any():
        return 0.0
    ways = (_periphery, _around_object, _outer_lines, _calibration)
    return float(min(way(kspace, sampled) for way in ways))


def _periphery(kspace: np.ndarray, sampled: np.ndarray) -> float:
    """From the median energy of the outermost samples."""
    y, x = ((np.arange(n) - n // 2) / n for n in sampled.shape)
    radius = np.hypot(y[:, None], x)[sampled]
    count = max(round(OUTERMOST * radius.size), 1)
    outermost = np.argpartition(radius, -count)[-count:]
    return _level(np.abs(kspace[:, sampled][:, outermost]) ** 2)


def _level(energy: np.ndarray) -> float:
    """The noise level whose samples have this median energy."""
    return np.sqrt(np.median(energy) / (2 * np.log(2)))


def _around_object(kspace: np.ndarray, sampled: np.ndarray) -> float:
    """From the darkest block of the image, along the axes that were fully sampled."""
    rows, columns = sampled.any(axis=1), sampled.any(axis=0)
    if not sampled[rows][:, columns].all():
        return np.inf
    energy = kspace[:, rows][:, :, columns]
    for axis, line in ((1, rows), (2, columns)):
        if line.all():
            energy = np.fft.ifft(energy, axis=axis, norm="ortho")
    energy = np.mean(np.abs(energy) ** 2, axis=0)  # [h, w]
    for axis, line in enumerate((rows, columns)):
        size = max(line.size // BLOCKS, 1) if line.all() else energy.shape[axis]
        blocks = _blocks(energy, size, axis)
        energy = np.stack([np.mean(block, axis=axis) for block in blocks], axis=axis)
    return np.sqrt(energy.min() / 2)


def _outer_lines(kspace: np.ndarray, sampled: np.ndarray) -> float:
    """From the outermost lines, where along them the object is darkest."""
    found = [np.inf]
    for samples, mask in ((kspace.swapaxes(1, 2), sampled.T), (kspace, sampled)):
        lines = np.flatnonzero(mask.any(axis=1))
        if not mask[lines].all():
            continue
        far = np.argsort(-np.abs(lines - len(mask) // 2), kind="stable")
        outermost = lines[far[: max(round(OUTER_LINES * lines.size), 1)]]
        energy = np.abs(np.fft.ifft(samples[:, outermost], norm="ortho")) ** 2  # [C, lines, x]
        across, along = energy[:, :, 0].size, energy.shape[2]
        size = min(max(along // BLOCKS, -(-FEWEST_SAMPLES // across)), along)
        found += [_level(block) for block in _blocks(energy, size, axis=2)]
    return min(found)


def _blocks(array: np.ndarray, size: int, axis: int) -> list[np.ndarray]:
    """Parts of this size along an axis, of which the last may be larger."""
    return np.split(array, range(size, array.shape[axis] - size + 1, size), axis=axis)


def _calibration(kspace: np.ndarray, sampled: np.ndarray) -> float:
    """From the smallest singular values of the calibration matrix."""
    coils = len(kspace)
    region = known_region(sampled, REGION)
    kernel = _largest_kernel(coils, region)
    if coils < FEWEST_COILS or min(kernel) < 2:
        return np.inf
    samples = crop_to_region(kspace, region)
    values = np.linalg.svd(calibration_matrix(samples, kernel), compute_uv=False)
    noise = noise_singular_values(samples.shape, kernel)
    smallest = slice(-max(round(SMALLEST * len(values)), 1), None)
    return float(np.linalg.norm(values[smallest]) / np.linalg.norm(noise[smallest]))


def _largest_kernel(coils: int, region: Region) -> Region:
    """Up to half of the region, with no more columns than there may be."""
    kernel = (1, 1)
    for side in range(2, max(region)):
        height, width = (min(side, (n + 1) // 2) for n in region)
        if coils * height * width <= COLUMNS:
            kernel = height, width
    return kernel
