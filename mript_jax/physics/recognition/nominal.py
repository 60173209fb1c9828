"""The nominal acceleration of a mask, from the number of its samples."""

import math

import numpy as np

from mript_jax.physics.patterns.gaussian import CELL_1D, CELL_2D, chance_1d, chance_2d
from mript_jax.physics.tasks import LEVELS, usual_center_fraction

# Accelerations in use, from common to unusual.
PLAIN = tuple(
    dict.fromkeys(
        float(r)
        for r in (
            *(r for r, _ in LEVELS),
            *range(1, 33),
            *np.arange(1.5, 16),
            *np.arange(1, 16, 0.25),
        )
    )
)
ODD = (len(LEVELS), 32)  # positions in PLAIN from which accelerations are whole, and fractions
BY_CHANCE = 0.05  # largest excess of the sampled center fraction over the requested one


def nominal_acceleration(
    pattern: str, shape: tuple[int, int], center_fraction: float, count: int
) -> float:
    """The most common acceleration that explains `count` sampled lines or points.

    `shape` is (H, W) with columns as phase-encoding lines; for a mask of lines it is (1, W).
    """
    points = shape[0] * shape[1]
    possible = [r for r in PLAIN if r * center_fraction <= 1]
    if pattern in ("gaussian_1d", "gaussian_2d"):
        costs = []
        for r in possible:
            usual = usual_center_fraction(r)
            by_chance = usual < center_fraction < usual + BY_CHANCE
            mean, deviation = _expected(pattern, shape, r, usual if by_chance else center_fraction)
            oddness = sum(PLAIN.index(r) >= start for start in ODD)
            costs.append(((count - mean) / deviation) ** 2 + 2 * oddness)
        return possible[int(np.argmin(costs))]
    fitting = [r for r in possible if abs(count - points / r) <= _tolerance(pattern, shape)]
    return fitting[0] if fitting else points / count


def _tolerance(pattern: str, shape: tuple[int, int]) -> float:
    """The largest difference between a count and points / acceleration."""
    if pattern == "caipi":
        return shape[0]
    return 1.5 if pattern == "fastmri_equispaced" else 0.51


def _expected(
    pattern: str, shape: tuple[int, int], acceleration: float, center_fraction: float
) -> tuple[float, float]:
    """Mean and approximate standard deviation of the number of samples of a Gaussian pattern."""
    if pattern == "gaussian_1d":
        chance, cell = chance_1d(shape[1], acceleration, center_fraction), CELL_1D
    else:
        chance, cell = chance_2d(shape, acceleration, center_fraction), CELL_2D**2
    deviation = math.sqrt(np.sum(chance * (1 - chance)))
    return cell * float(chance.sum()), cell * max(deviation, 0.5)
