"""Radial and spiral trajectories on the Cartesian grid.

A trajectory is stored as the distance of each grid point to the nearest arm. The points with the
smallest distance are sampled, as many as the acceleration allows: arms are about one point wide.
"""

import functools
import math

import numpy as np

from mript_jax.physics.patterns.center import center_rectangle


def radial(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Spokes through zero frequency at even angles from a random one, plus a center rectangle."""
    radius, angle = _polar(shape)
    between = math.pi / spoke_count(shape, acceleration, center_fraction)
    turns = (angle - np.float32(rng.uniform(0, between))) / np.float32(between)
    distance = radius * np.abs(np.sin((turns - np.rint(turns)) * np.float32(between)))
    return _nearest(distance, acceleration, center_fraction)


def spiral(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """An Archimedean spiral of random start and direction, plus a center rectangle."""
    radius, angle = _polar(shape)
    pitch = spiral_pitch(shape, acceleration, center_fraction)
    direction = rng.choice((-1, 1))
    turns = radius / np.float32(pitch) - angle * np.float32(direction / (2 * math.pi))
    turns -= np.float32(rng.uniform())
    return _nearest(np.abs(turns - np.rint(turns)), acceleration, center_fraction)


def spoke_count(shape: tuple[int, int], acceleration: float, center_fraction: float) -> int:
    """The number of spokes, each a diameter one point wide, for 1 / acceleration of k-space.

    Up to the radius r = count / pi spokes touch and sample everything; beyond it, a share
    r / radius.
    """
    H, W = shape
    budget = H * W / acceleration
    inverse_radius = 2 * (W * math.asinh(H / W) + H * math.asinh(W / H))  # integral of 1 / radius
    root = math.sqrt(max(inverse_radius**2 - 4 * math.pi * budget, 0))
    touching = (inverse_radius - root) / (2 * math.pi)
    center = math.sqrt(center_fraction * H * W / math.pi)
    if center > touching:
        left = max(budget - math.pi * center**2, 0)
        touching = left / max(inverse_radius - 2 * math.pi * center, 1)
    return max(round(math.pi * touching), 1)


def spiral_pitch(shape: tuple[int, int], acceleration: float, center_fraction: float) -> float:
    """Points from turn to turn: a spiral one point wide samples 1 / pitch of k-space."""
    points = shape[0] * shape[1]
    outer = (1 / acceleration - center_fraction) * points
    return points * (1 - center_fraction) / max(outer, 1)


@functools.lru_cache(maxsize=8)
def _polar(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Radius in points, and angle, of each point of centered k-space."""
    y, x = (np.arange(n, dtype=np.float32) - n // 2 for n in shape)
    radius, angle = np.hypot(y[:, None], x), np.arctan2(y[:, None], x)
    radius.flags.writeable = angle.flags.writeable = False
    return radius, angle


def _nearest(distance: np.ndarray, acceleration: float, center_fraction: float) -> np.ndarray:
    """Sample the center, zero frequency, and then the points of least distance."""
    rows, columns = center_rectangle(distance.shape, acceleration, center_fraction)
    distance[rows, columns] = -1
    distance[distance.shape[0] // 2, distance.shape[1] // 2] = -1
    count = max(round(distance.size / acceleration), 1)
    mask = np.zeros(distance.size, np.float32)
    mask[np.argpartition(distance, count - 1, axis=None)[:count]] = 1.0
    return mask.reshape(distance.shape)
