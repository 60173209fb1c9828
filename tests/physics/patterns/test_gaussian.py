"""The Gaussian patterns against 200 masks of the public code.

The probability of each cell is also compared with the formula: the statistics resolve a shift of a
quarter of a cell.
"""

import math

import numpy as np
import pytest
from scipy.stats import norm

from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import LEVELS

GRID = [(size, r, c) for size in (224, 320) for r, c in LEVELS]
ENDS = [(320, *LEVELS[0]), (224, *LEVELS[-1])]  # of the grid; the rest is in the slow tier
TASKS = [case if case in ENDS else pytest.param(*case, marks=pytest.mark.slow) for case in GRID]
PUBLIC = {"gaussian_1d": ("RandomMaskGaussian1D", 2), "gaussian_2d": ("RandomMaskGaussian", 4)}


def draw(pattern, size, acceleration, center, count=200):
    return np.stack(
        [
            sample_mask(pattern, (size, size), acceleration, center, [7, seed])
            for seed in range(count)
        ]
    )


def public(golden, pattern, size, acceleration):
    z = golden("masks_stats")
    name, cell = PUBLIC[pattern]
    key = f"{size}/{name}/acc{acceleration:g}"
    kind = "prob_cols" if pattern == "gaussian_1d" else "prob_map_blocks"
    probability = z[f"{key}/{kind}"]
    if pattern == "gaussian_1d":
        probability = probability[::cell]
    return {name: z[f"{key}/{name}"] for name in ("mean_fraction", "std_fraction")} | {
        "center": z[f"{key}/center_start_and_count_px"],
        "probability": probability,
        "cell": cell,
    }


@pytest.mark.parametrize("pattern", PUBLIC)
@pytest.mark.parametrize(("size", "acceleration", "center"), TASKS)
def test_statistics_match_the_public_code(golden, pattern, size, acceleration, center):
    expected = public(golden, pattern, size, acceleration)
    masks, cell = draw(pattern, size, acceleration, center), expected["cell"]
    shares = masks.mean(axis=(1, 2))
    tolerance = 4 * float(expected["std_fraction"]) * math.sqrt(2 / 200)  # both are estimates
    assert shares.mean() == pytest.approx(float(expected["mean_fraction"]), abs=tolerance)
    assert shares.std() == pytest.approx(float(expected["std_fraction"]), rel=0.3)
    probability = masks.mean(axis=0)[::cell, ::cell]
    if pattern == "gaussian_1d":
        probability = probability[0]
    difference = np.abs(probability - expected["probability"])
    assert difference.max() < 0.2
    assert difference.mean() < 0.04


@pytest.mark.parametrize("pattern", PUBLIC)
@pytest.mark.parametrize(("size", "acceleration", "center"), GRID)
def test_center_matches_the_public_code(golden, pattern, size, acceleration, center):
    start, count = public(golden, pattern, size, acceleration)["center"]
    on = draw(pattern, size, acceleration, center, count=60).min(axis=0) > 0
    block = slice(start, start + count)
    if pattern == "gaussian_1d":
        assert on[:, block].all()
        assert not on[:, [start - 1, start + count]].any()
    else:
        assert on[block, block].all()
        assert on.sum() == count**2


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [
        ((24, 34), (8, 20), (11, 27)),  # 3 of 6 cells, and 4 of the 9 that 34 columns make
        ((36, 36), (12, 28), (12, 28)),  # the public code's too: 4 of 9, since 4.5 is rounded to 4
    ],
)
def test_center_of_squares_is_whole_cells_rounded_to_the_nearest(shape, rows, columns):
    on = np.min([sample_mask("gaussian_2d", shape, 2.0, 0.25, s) for s in range(60)], axis=0) > 0
    assert on[slice(*rows), slice(*columns)].all()
    assert on.sum() == (rows[1] - rows[0]) * (columns[1] - columns[0])


@pytest.mark.parametrize("pattern", PUBLIC)
def test_probability_of_each_cell_follows_the_formula(golden, pattern):
    deviations = []
    for size, acceleration, _ in GRID:
        found = public(golden, pattern, size, acceleration)["probability"]
        expected = cell_probability(pattern, size, acceleration)
        free = (found < 1) & (expected > 0.01)
        variance = expected * (1 - expected) / 200
        deviations.append(((found - expected) ** 2 / variance)[free])
    assert np.concatenate(deviations).mean() == pytest.approx(1, abs=0.1)


def cell_probability(pattern, size, acceleration):
    """1 - (1 - q)^draws, with q the normal distribution's share of a cell."""
    n = size // PUBLIC[pattern][1]
    edges = (np.arange(n + 1) - 0.5 - n / 2) / (n / 2 / 3)
    if pattern == "gaussian_1d":
        share, inside = np.diff(norm.cdf(edges)), norm.cdf(3) - norm.cdf(-3)
        return 1 - (1 - share) ** int(n / (acceleration * inside))
    axis, inside = np.diff(norm.cdf(edges, scale=1.5**0.5)), norm.cdf(2) - norm.cdf(-2)
    return 1 - (1 - np.outer(axis, axis)) ** int(n * n / (acceleration * inside**2))


@pytest.mark.parametrize(("pattern", "cell"), [("gaussian_1d", 2), ("gaussian_2d", 4)])
@pytest.mark.parametrize("shape", [(64, 64), (61, 75), (50, 46), (63, 62)])
def test_middle_cell_contains_zero_frequency_for_every_size(pattern, cell, shape):
    center = 1.0001 * cell / shape[1] if cell == 2 else (1.0001 * cell / min(shape)) ** 2
    masks = [sample_mask(pattern, shape, 8, center, seed) for seed in range(200)]
    on = np.min(masks, axis=0) > 0
    assert on[shape[0] // 2, shape[1] // 2]
    columns = on.any(axis=0).sum()
    assert columns == cell
