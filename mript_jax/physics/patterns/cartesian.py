"""MR-IPT's Cartesian patterns: whole columns, with an autocalibration region."""

import numpy as np

from mript_jax.physics.patterns.center import center_lines


def cartesian_random(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Drop a fixed number of the columns outside the center at random."""
    columns, outer, count = _center_and_rest(shape[1], acceleration, center_fraction)
    columns[rng.choice(outer, size=count, replace=False)] = 0.0
    return np.tile(columns, (shape[0], 1))


def cartesian_equispaced(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Drop the same number of columns at even distances: deterministic."""
    columns, outer, count = _center_and_rest(shape[1], acceleration, center_fraction)
    columns[outer[even_positions(len(outer), count)]] = 0.0
    return np.tile(columns, (shape[0], 1))


def even_positions(length: int, count: int) -> np.ndarray:
    """Positions of the `count` dropped columns among `length` outer ones."""
    return np.round(np.linspace(0, length - 1, count)).astype(int)


def _center_and_rest(
    width: int, acceleration: float, center_fraction: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Ones for all columns, the indices of the outer ones, and the number of those to drop."""
    start, low = center_lines(width, acceleration, center_fraction)
    outer = np.r_[0:start, start + low : width]
    kept = max(width / acceleration - low, 0) / max(width - low, 1)
    return np.ones(width, np.float32), outer, round((1 - kept) * len(outer))
