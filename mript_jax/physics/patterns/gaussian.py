"""MR-IPT's Gaussian patterns: cells drawn from a normal distribution around the center.

Draws may coincide and those off the edge are lost, so the true acceleration is above the nominal
one at low and below it at high accelerations: a mask's record reports both.
"""

import math

import numpy as np

from mript_jax.physics.patterns.cartesian import center_block

SPREAD = 3.0  # half the axis is so many standard deviations
COVARIANCE_2D = 1.5
CELL_1D, CELL_2D = 2, 4  # width of a cell in points


def gaussian_1d(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Pairs of columns, normally distributed around the center."""
    cells = math.ceil(shape[1] / CELL_1D)
    inside = math.erf(SPREAD / math.sqrt(2))
    draws = rng.normal(size=int(cells / (acceleration * inside)))
    columns = np.zeros(cells, np.float32)
    columns[_positions(draws, cells)] = 1.0
    start, low = center_block(cells, center_fraction)
    columns[start : start + low] = 1.0
    return np.tile(np.repeat(columns, CELL_1D)[: shape[1]], (shape[0], 1))


def gaussian_2d(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Squares of 4 x 4 points, normally distributed, with a center square."""
    grid = tuple(math.ceil(size / CELL_2D) for size in shape)
    # The public code scales by the variance where the standard deviation is meant; kept for parity.
    inside = math.erf(SPREAD / COVARIANCE_2D / math.sqrt(2))
    count = int(grid[0] * grid[1] / (acceleration * inside**2))
    draws = rng.normal(scale=math.sqrt(COVARIANCE_2D), size=(2, count))
    cells = np.zeros(grid, np.float32)
    rows, columns = (
        np.round(d * n / 2 / SPREAD + n / 2).astype(int) for d, n in zip(draws, grid, strict=True)
    )
    hit = (rows >= 0) & (rows < grid[0]) & (columns >= 0) & (columns < grid[1])
    cells[rows[hit], columns[hit]] = 1.0
    (top, height), (left, width) = (center_block(n, math.sqrt(center_fraction)) for n in grid)
    cells[top : top + height, left : left + width] = 1.0
    return np.kron(cells, np.ones((CELL_2D, CELL_2D), np.float32))[: shape[0], : shape[1]]


def _positions(draws: np.ndarray, cells: int) -> np.ndarray:
    """Standard-normal draws as cell numbers; those off the edge are left out."""
    positions = np.round(draws * cells / 2 / SPREAD + cells / 2).astype(int)
    return positions[(positions >= 0) & (positions < cells)]
