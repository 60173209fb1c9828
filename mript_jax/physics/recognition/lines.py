"""Recognition of the pattern of sampled lines: tests from the strictest to the most lenient."""

import numpy as np

from mript_jax.physics.patterns.cartesian import even_positions
from mript_jax.physics.patterns.gaussian import CELL_1D, cell_of


def line_pattern(line: np.ndarray, center: int) -> tuple[str, float | None]:
    """The pattern of sampled lines [W], `center` of them around zero frequency.

    The second value is the nominal acceleration if the spacing of the lines gives it, else None.
    """
    if int(line.sum()) > center and _in_cells(line):
        return "gaussian_1d", None
    if _is_cartesian_equispaced(line, center):
        return "cartesian_equispaced", None
    left, right = _beside_the_center(line)
    gaps = np.concatenate([np.diff(left), np.diff(right)])
    if len(gaps) >= 2 and np.ptp(gaps) == 0 and gaps[0] > 1:
        if len(left) and len(right) and (right[0] - left[-1]) % gaps[0] == 0:
            return "equidistant", float(gaps[0])
        if _is_magic(left, right, len(line), gaps[0]):
            return "fastmri_magic", float(gaps[0])
    if len(gaps) >= 2 and np.ptp(gaps) <= 1 and _is_evenly_rounded(left, right):
        return "fastmri_equispaced", None
    return "cartesian_random", None


def skipped_share(line: np.ndarray) -> float:
    """The share of the lines that partial Fourier left out at one end; 0 if it was not used.

    It was used if one end has more unsampled lines than the other: by a tenth of all lines, and by
    more than random gaps explain.
    """
    sampled = np.flatnonzero(line)
    before, after = sampled[0], len(line) - 1 - sampled[-1]
    widest = max(np.diff(sampled), default=1)
    surplus = abs(int(before) - int(after))
    if _in_cells(line) or surplus <= max(0.1 * len(line), 2 * widest):
        return 0.0
    return max(before, after) / len(line)


def _in_cells(line: np.ndarray) -> bool:
    """True if columns come in pairs, as those of `gaussian_1d`.

    One block of lines that reaches an end is partial Fourier.
    """
    sampled = np.flatnonzero(line)
    one_block = len(sampled) and np.ptp(sampled) == len(sampled) - 1
    if one_block and (line[0] or line[-1]):
        return False
    cell = cell_of(len(line), CELL_1D)
    return bool((line[1:] == line[:-1])[cell[1:] == cell[:-1]].all())


def _is_cartesian_equispaced(line: np.ndarray, center: int) -> bool:
    """True if the lines are those of `cartesian_equispaced` for some center, given their number."""
    W, dropped = len(line), len(line) - int(line.sum())
    for low in range(center, -1, -1):
        start = (W - low + 1) // 2
        outer = np.r_[0:start, start + low : W]
        expected = np.ones(W, bool)
        if dropped <= len(outer):
            expected[outer[even_positions(len(outer), dropped)]] = False
            if (expected == line).all():
                return True
    return False


def _beside_the_center(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sampled lines left and right of the unbroken run through zero frequency."""
    middle = len(line) // 2
    gaps = np.flatnonzero(~line)
    before, after = gaps[gaps < middle], gaps[gaps >= middle]
    sampled = np.flatnonzero(line)
    left = sampled[sampled < (before[-1] if len(before) else 0)]
    right = sampled[sampled > (after[0] if len(after) else len(line))]
    return left, right


def _is_magic(left: np.ndarray, right: np.ndarray, width: int, spacing: int) -> bool:
    """True if the offsets of the two sides from zero frequency are a pair of `fastmri_magic`."""
    if not len(left) or not len(right):
        return False
    middle = width // 2
    positive, negative = (right[0] - middle) % spacing, (middle - 1 - left[-1]) % spacing
    pairs = [(o + 1, o + 2) if o % 2 == 0 else (o + 2, o - 1) for o in range(spacing)]
    return (positive, negative) in [(p % spacing, n % spacing) for p, n in pairs]


def _is_evenly_rounded(left: np.ndarray, right: np.ndarray) -> bool:
    """True if lines are an offset plus multiples of one spacing, rounded, across the center."""
    lines = np.concatenate([left, right])
    gaps = np.concatenate([np.diff(left), np.diff(right)])
    spacing = gaps.mean()
    number = np.concatenate([[0], np.cumsum(np.maximum(np.round(np.diff(lines) / spacing), 1))])
    slope, first = np.polyfit(number, lines, 1)
    return bool(np.abs(lines - first - slope * number).max() <= 0.75)
