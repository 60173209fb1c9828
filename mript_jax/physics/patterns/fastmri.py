"""The patterns of package `fastmri` (data.subsample): whole columns and an autocalibration region.

The random numbers differ from the package's, their distribution is the same. The package's rounding
and its omissions at the edges are kept, so that masks match those used for that dataset.
"""

import numpy as np

from mript_jax.physics.patterns.center import center_block, center_lines


def fastmri_random(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Sample each column outside the center independently, with the same probability."""
    W = shape[1]
    start, low = center_lines(W, acceleration, center_fraction)
    probability = (W / acceleration - low) / max(W - low, 1)
    columns = (rng.uniform(size=W) < probability).astype(np.float32)
    return _with_center(columns, start, low, shape)


def fastmri_equispaced(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Columns at even distances from a random offset, with the nominal acceleration in total.

    The spacing need not be a whole number and columns are rounded, so gaps differ by one. The
    package called this `equispaced` in the challenges of 2019 and 2020, and since then
    `equispaced_fraction`.
    """
    W = shape[1]
    start, low = center_lines(W, acceleration, center_fraction)
    columns = np.zeros(W, np.float32)
    outer = W / acceleration - low
    if outer > 0:
        spacing = (W - low) / outer
        offset = int(rng.integers(round(spacing)))
        # The package never samples the last column this way.
        columns[np.round(np.arange(offset, W - 1, spacing)).astype(int)] = 1.0
    return _with_center(columns, start, low, shape)


def fastmri_magic(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Every R-th column, with offsets such that the mirror images of one side interleave the other.

    arXiv 1912.01101: k-space of a nearly real image is nearly conjugate symmetric. The center is
    sampled in addition, so the true acceleration is below the nominal one.
    """
    start, low = center_lines(shape[1], acceleration, center_fraction)
    return _with_center(_interleaved(shape[1], acceleration, rng), start, low, shape)


def fastmri_magic_fraction(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """`fastmri_magic` with the spacing, a whole number, adjusted for the columns of the center."""
    W = shape[1]
    center_lines(W, acceleration, center_fraction)
    wanted = round(W / acceleration)
    low = max(min(round(W * center_fraction), wanted), 1)
    start = (W - low + 1) // 2
    columns = np.zeros(W, np.float32)
    if wanted > low:
        columns = _interleaved(W, max(round(W / (wanted - low)), 1), rng)
    return _with_center(columns, start, low, shape)


def equidistant(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Every R-th column from a random offset, as GRAPPA needs it, and the center in addition.

    The package has called this `equispaced` since 2021. The true acceleration is below the nominal
    one.
    """
    W = shape[1]
    center_lines(W, acceleration, center_fraction)
    columns = np.zeros(W, np.float32)
    columns[_every(acceleration, int(rng.integers(round(acceleration))), W)] = 1.0
    return _with_center(columns, *center_block(W, center_fraction), shape)


def _with_center(columns: np.ndarray, start: int, low: int, shape: tuple[int, int]) -> np.ndarray:
    columns[start : start + low] = 1.0
    return np.tile(columns, (shape[0], 1))


def _interleaved(width: int, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Every `spacing`-th column, counted outwards from zero frequency on each side: [width]."""
    offset = int(rng.integers(round(spacing)))
    right, left = (offset + 1, offset + 2) if offset % 2 == 0 else (offset + 2, offset - 1)
    positive = np.zeros((width + 1) // 2, np.float32)
    negative = np.zeros(width // 2, np.float32)
    positive[_every(spacing, right, len(positive))] = 1.0
    negative[_every(spacing, left, len(negative))] = 1.0
    # Zero frequency, the first of the positive ones, goes to width // 2.
    return np.fft.fftshift(np.concatenate([positive, negative[::-1]]))


def _every(spacing: float, first: int, length: int) -> np.ndarray:
    """first, first + spacing ... below `length`, rounded."""
    positions = np.round(np.arange(first, length, spacing)).astype(int)
    return positions[positions < length]
