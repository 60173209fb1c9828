"""Recognition of the pattern of sampled points."""

import math

import numpy as np
from scipy.ndimage import uniform_filter

from mript_jax.physics.masks import center_width
from mript_jax.physics.patterns.gaussian import CELL_2D, cell_of
from mript_jax.physics.patterns.trajectories import spiral_pitch, spoke_count

MOST_POINTS = 1500  # used to test for a trajectory
ALIGNED = 0.15  # resultant length of phases that shows a trajectory; random points have 0.05
SPARSE = 0.35  # local density below which neighbours are counted
KEPT_APART = 0.5  # neighbours over those of random points, below which points keep a distance


def point_pattern(mask: np.ndarray) -> tuple[str, int]:
    """The pattern of sampled points [H, W], and its axis: -1, or -2 if it is transposed."""
    if _in_cells(mask):
        return "gaussian_2d", -1
    outside = _outside_the_center(mask)
    for axis, points, free in ((-1, mask, outside), (-2, mask.T, outside.T)):
        if _is_lattice(points, free):
            return "caipi", axis
    if _is_radial(mask):
        return "radial", -1
    if _is_spiral(mask):
        return "spiral", -1
    return ("poisson_disc" if _keeps_apart(mask, outside) else "gaussian_2d"), -1


def _in_cells(mask: np.ndarray) -> bool:
    """True if points come in squares of 4 x 4, as those of `gaussian_2d`."""
    rows, columns = (cell_of(n, CELL_2D) for n in mask.shape)
    down = (mask[1:] == mask[:-1])[rows[1:] == rows[:-1]]
    across = (mask[:, 1:] == mask[:, :-1])[:, columns[1:] == columns[:-1]]
    return bool(down.all() and across.all())


def _outside_the_center(mask: np.ndarray) -> np.ndarray:
    outside = np.ones(mask.shape, bool)
    sides = [center_width(mask, axis) for axis in (-2, -1)]
    rows, columns = (  # with a margin: its sides are exact to a point or two
        slice(max((n - side) // 2 - 2, 0), (n + side) // 2 + 3)
        for n, side in zip(mask.shape, sides, strict=True)
    )
    outside[rows, columns] = False
    return outside


def _is_lattice(mask: np.ndarray, outside: np.ndarray) -> bool:
    """True if each row is the one before, shifted by the same number of points everywhere."""
    W = mask.shape[1]
    reach = min(math.ceil(outside.sum() / max((mask & outside).sum(), 1)) + 1, W - 1)
    for shift in range(reach):
        one, next_one = mask[:-1, : W - shift], mask[1:, shift:]
        counts = outside[:-1, : W - shift] & outside[1:, shift:]
        if counts.any() and (one == next_one)[counts].mean() > 0.999:
            return True
    return False


def _is_radial(mask: np.ndarray) -> bool:
    """True if, for some number of spokes, points lie at multiples of the angle between spokes."""
    _, angle = _polar_points(mask, 0.6)
    count = spoke_count(mask.shape, mask.size / mask.sum(), _center_fraction(mask))
    counts = np.arange(max(round(0.8 * count) - 2, 1), round(1.2 * count) + 3)
    return _best_alignment(angle * counts[:, None] / math.pi) > ALIGNED


def _is_spiral(mask: np.ndarray) -> bool:
    """True if, for some pitch and direction, radius and angle grow together."""
    radius, angle = _polar_points(mask, 0.3)
    pitch = spiral_pitch(mask.shape, mask.size / mask.sum(), _center_fraction(mask))
    pitches = pitch * np.linspace(0.95, 1.05, 81)[:, None]
    return any(
        _best_alignment(radius / pitches - direction * angle / (2 * math.pi)) > ALIGNED
        for direction in (-1, 1)
    )


def _polar_points(mask: np.ndarray, inner: float) -> tuple[np.ndarray, np.ndarray]:
    """Radius and angle of some sampled points between `inner` and 1 of half the shorter side."""
    y, x = ((np.arange(n) - n // 2)[np.flatnonzero(np.ones(n))] for n in mask.shape)
    radius, angle = np.hypot(y[:, None], x), np.arctan2(y[:, None], x)
    half = min(mask.shape) / 2
    chosen = np.flatnonzero(mask & (radius > inner * half) & (radius < half))
    chosen = chosen[:: max(len(chosen) // MOST_POINTS, 1)]
    return radius.ravel()[chosen], angle.ravel()[chosen]


def _best_alignment(turns: np.ndarray) -> float:
    """The largest resultant length over rows of phases in turns, [rows, points]."""
    if turns.shape[1] == 0:
        return 0.0
    return float(np.abs(np.exp(2j * math.pi * turns).mean(axis=1)).max())


def _center_fraction(mask: np.ndarray) -> float:
    return center_width(mask, -1) * center_width(mask, -2) / mask.size


def _keeps_apart(mask: np.ndarray, outside: np.ndarray) -> bool:
    """True if, where points are sparse, fewer are neighbours than in a random mask."""
    density = uniform_filter(mask.astype(float), 9)
    sparse = mask & outside & (density < SPARSE)
    sparse[:, -1] = False
    expected = density[sparse].sum()
    found = (sparse[:, :-1] & mask[:, 1:]).sum()
    return bool(expected > 5 and found < KEPT_APART * expected)
