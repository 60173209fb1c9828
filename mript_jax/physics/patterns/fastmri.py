"""The patterns of package `fastmri` (data.subsample): whole columns around a center block.

Their random numbers are not the package's, their distribution is. What the package rounds or
leaves out at the edges is kept, so that users of that data set get what they expect.
"""

import numpy as np

from mript_jax.physics.patterns.center import center_block, center_lines


def fastmri_random(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Each column outside the center with the same probability, independently."""
    W = shape[1]
    start, low = center_lines(W, acceleration, center_fraction)
    probability = (W / acceleration - low) / max(W - low, 1)
    columns = (rng.uniform(size=W) < probability).astype(np.float32)
    return _with_center(columns, start, low, shape)


def fastmri_equispaced(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Columns from a random offset on, spaced so that the total acceleration is as asked for.

    The spacing is a fraction and columns are rounded, so gaps differ by one. The package called
    this `equispaced` in the challenges of 2019 and 2020, and since then `equispaced_fraction`.
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
    """Every R-th column, offset between the two sides so that their mirror images interleave.

    arXiv 1912.01101: k-space of a nearly real image is nearly conjugate symmetric. The center
    comes on top, so the true acceleration is below the nominal one.
    """
    start, low = center_lines(shape[1], acceleration, center_fraction)
    return _with_center(_interleaved(shape[1], acceleration, rng), start, low, shape)


def fastmri_magic_fraction(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """The same, with the spacing (a whole number) adjusted for the columns of the center."""
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
    """Every R-th column from a random offset on, as GRAPPA wants it, and the center on top.

    The package calls this `equispaced` since 2021. The true acceleration is below the nominal one.
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
    """Columns counted from zero frequency outwards: even offsets right, odd ones left, by turns."""
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
