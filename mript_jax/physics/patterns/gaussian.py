"""MR-IPT's Gaussian patterns: cells drawn from a normal distribution around the center.

Draws may coincide and those off the edge are lost, so the true acceleration is above the nominal
one at low and below it at high accelerations; class `Mask` has both.
"""

import math

import numpy as np
from scipy.special import ndtr

from mript_jax.physics.patterns.center import center_block, check_share

SPREAD = 3.0  # half an axis, in units of the distribution
COVARIANCE_2D = 1.5
CELL_1D, CELL_2D = 2, 4  # width of a cell in points


def gaussian_1d(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Pairs of columns, normally distributed around the center."""
    check_share(shape, acceleration, center_fraction)
    cells = math.ceil(shape[1] / CELL_1D)
    draws = rng.normal(size=draws_1d(cells, acceleration))
    columns = np.zeros(cells, np.float32)
    columns[_inside(_positions(draws, cells), cells)] = 1.0
    start, low = center_block(cells, center_fraction)
    columns[start : start + low] = 1.0
    return np.tile(columns[cell_of(shape[1], CELL_1D)], (shape[0], 1))


def gaussian_2d(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Squares of 4 x 4 points, normally distributed, with a center rectangle."""
    check_share(shape, acceleration, center_fraction)
    grid = math.ceil(shape[0] / CELL_2D), math.ceil(shape[1] / CELL_2D)
    draws = rng.normal(scale=math.sqrt(COVARIANCE_2D), size=(2, draws_2d(grid, acceleration)))
    rows, columns = (_positions(d, n) for d, n in zip(draws, grid, strict=True))
    hit = (rows >= 0) & (rows < grid[0]) & (columns >= 0) & (columns < grid[1])
    cells = np.zeros(grid, np.float32)
    cells[rows[hit], columns[hit]] = 1.0
    (top, height), (left, width) = (center_block(n, math.sqrt(center_fraction)) for n in grid)
    cells[top : top + height, left : left + width] = 1.0
    return cells[cell_of(shape[0], CELL_2D)][:, cell_of(shape[1], CELL_2D)]


def chance_1d(width: int, acceleration: float, center_fraction: float) -> np.ndarray:
    """The probability that `gaussian_1d` samples each pair of columns, [ceil(width / 2)]."""
    cells = math.ceil(width / CELL_1D)
    chance = 1 - (1 - _shares(cells, 1.0)) ** draws_1d(cells, acceleration)
    start, low = center_block(cells, center_fraction)
    chance[start : start + low] = 1.0
    return chance


def chance_2d(shape: tuple[int, int], acceleration: float, center_fraction: float) -> np.ndarray:
    """The probability that `gaussian_2d` samples each square, [ceil(H / 4), ceil(W / 4)]."""
    grid = math.ceil(shape[0] / CELL_2D), math.ceil(shape[1] / CELL_2D)
    rows, columns = (_shares(n, math.sqrt(COVARIANCE_2D)) for n in grid)
    chance = 1 - (1 - np.outer(rows, columns)) ** draws_2d(grid, acceleration)
    (top, height), (left, width) = (center_block(n, math.sqrt(center_fraction)) for n in grid)
    chance[top : top + height, left : left + width] = 1.0
    return chance


def draws_1d(cells: int, acceleration: float) -> int:
    """The number of pairs of columns that are drawn."""
    return int(cells / (acceleration * math.erf(SPREAD / math.sqrt(2))))


def draws_2d(grid: tuple[int, int], acceleration: float) -> int:
    """The number of squares that are drawn."""
    # The public code scales by the variance where the standard deviation is meant; kept for parity.
    inside = math.erf(SPREAD / COVARIANCE_2D / math.sqrt(2))
    return int(grid[0] * grid[1] / (acceleration * inside**2))


def cell_of(size: int, cell: int) -> np.ndarray:
    """The index of the cell that covers each point of an axis, [size].

    Where cells do not divide the axis, the outer ones are cut so that zero frequency, at
    size // 2, falls into the middle cell.
    """
    cells = math.ceil(size / cell)
    return (np.arange(size) + cells * cell // 2 - size // 2) // cell


def _shares(cells: int, deviation: float) -> np.ndarray:
    """The normal distribution's share of each cell."""
    edges = (np.arange(cells + 1) - 0.5 - cells / 2) * (2 * SPREAD / cells)
    return np.diff(ndtr(edges / deviation))


def _positions(draws: np.ndarray, cells: int) -> np.ndarray:
    return np.round(draws * cells / 2 / SPREAD + cells / 2).astype(int)


def _inside(positions: np.ndarray, cells: int) -> np.ndarray:
    return positions[(positions >= 0) & (positions < cells)]
