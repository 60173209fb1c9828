"""MR-IPT's Cartesian patterns: whole columns, with a fully sampled center block."""

import numpy as np

from mript_jax.physics.patterns.center import center_lines


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
    columns[outer[even_positions(len(outer), count)]] = 0.0
    return np.tile(columns, (shape[0], 1))


def even_positions(length: int, count: int) -> np.ndarray:
    """Where `count` of `length` outer columns are dropped."""
    return np.round(np.linspace(0, length - 1, count)).astype(int)


def _center_and_rest(
    width: int, acceleration: float, center_fraction: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """All columns sampled, the outer ones, and how many of those to drop."""
    start, low = center_lines(width, acceleration, center_fraction)
    outer = np.r_[0:start, start + low : width]
    kept = max(width / acceleration - low, 0) / max(width - low, 1)
    return np.ones(width, np.float32), outer, round((1 - kept) * len(outer))
