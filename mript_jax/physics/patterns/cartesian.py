"""MR-IPT's Cartesian patterns: whole columns, with a fully sampled center block."""

import numpy as np


def cartesian_random(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Of the columns outside the center, a fixed count is dropped at random."""
    columns, outer, count = _center_and_rest(shape[1], acceleration, center_fraction)
    columns[rng.choice(outer, size=count, replace=False)] = 0.0
    return np.tile(columns, (shape[0], 1))


def cartesian_equispaced(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """The same count is dropped at even distances: deterministic."""
    columns, outer, count = _center_and_rest(shape[1], acceleration, center_fraction)
    positions = np.round(np.linspace(0, len(outer) - 1, count)).astype(int)
    columns[outer[positions]] = 0.0
    return np.tile(columns, (shape[0], 1))


def center_block(width: int, center_fraction: float) -> tuple[int, int]:
    """Start and count of the columns that are always sampled."""
    low = round(width * center_fraction)
    return (width - low + 1) // 2, low


def _center_and_rest(
    width: int, acceleration: float, center_fraction: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """All columns sampled, the outer ones, and how many of those to drop."""
    start, low = center_block(width, center_fraction)
    outer = np.r_[0:start, start + low : width]
    kept = (width / acceleration - low) / max(width - low, 1)
    return np.ones(width, np.float32), outer, round((1 - kept) * len(outer))
