"""CAIPIRINHA: a lattice over two phase-encoding directions, sheared to keep aliases far apart."""

import math

import numpy as np

from mript_jax.physics.patterns.center import center_rectangle


def caipi(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Every S-th point of a row, each row shifted against the one before, plus a center rectangle.

    S gives the nominal acceleration in total; without a center S is the acceleration itself.
    """
    H, W = shape
    rows, columns = center_rectangle(shape, acceleration, center_fraction)
    inside = (rows.stop - rows.start) * (columns.stop - columns.start)
    outer = H * W / acceleration - inside
    mask = np.zeros(shape, np.float32)
    if outer > 0:
        spacing = (H * W - inside) / outer
        first = rng.uniform(0, spacing) + _shift(spacing) * np.arange(H)[:, None]
        mask[((np.arange(W) - first) / spacing) % 1 < 1 / spacing] = 1.0
    mask[rows, columns] = 1.0
    return mask


def _shift(spacing: float) -> int:
    """The shift from row to row that keeps the points of the lattice farthest apart."""
    reach = math.ceil(spacing)
    down = np.arange(1, reach + 1)

    def nearest(shift: int) -> float:
        across = (shift * down + spacing / 2) % spacing - spacing / 2
        return float(np.hypot(across, down).min())

    return max(range(reach), key=nearest)
