"""Sampling masks: `sample_mask(pattern, shape, acceleration, center_fraction, seed)`.

A mask is a 0/1 array over centered k-space (zero frequency at n // 2 of each axis).
"""

from collections.abc import Callable

import numpy as np

from mript_jax.errors import UserError, unknown_name
from mript_jax.physics.patterns.cartesian import cartesian_equispaced, cartesian_random
from mript_jax.physics.patterns.gaussian import gaussian_1d, gaussian_2d

PatternFn = Callable[[tuple[int, int], float, float, np.random.Generator], np.ndarray]

PATTERNS: dict[str, PatternFn] = {
    "cartesian_random": cartesian_random,
    "cartesian_equispaced": cartesian_equispaced,
    "gaussian_1d": gaussian_1d,
    "gaussian_2d": gaussian_2d,
}


def sample_mask(
    pattern: str,
    shape: tuple[int, int],
    acceleration: float,
    center_fraction: float,
    seed: int,
    axis: int = -1,
) -> np.ndarray:
    """A float32 mask [H, W]; columns (axis -1) or rows (axis -2) are the phase encodes."""
    if pattern not in PATTERNS:
        raise unknown_name("sampling pattern", pattern, PATTERNS)
    if acceleration < 1:
        raise UserError(f"acceleration {acceleration} must be 1 or more")
    if not 0 <= center_fraction <= 1 / acceleration:
        raise UserError(
            f"{pattern}: a center fraction of {center_fraction} does not fit acceleration "
            f"{acceleration}, which leaves {1 / acceleration:.4f} of k-space"
        )
    shape = tuple(shape) if axis == -1 else tuple(shape[::-1])
    mask = PATTERNS[pattern](shape, acceleration, center_fraction, np.random.default_rng(seed))
    return np.ascontiguousarray(mask if axis == -1 else mask.T, np.float32)
