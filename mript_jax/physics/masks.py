"""Undersampling masks: `sample_mask(pattern, shape, acceleration, center_fraction, seed)`.

A mask is a 0/1 array over centered k-space (zero frequency at n // 2 of each axis).
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from mript_jax.errors import UserError, unknown_name_error
from mript_jax.physics.patterns.cartesian import cartesian_equispaced, cartesian_random
from mript_jax.physics.patterns.fastmri import (
    equidistant,
    fastmri_equispaced,
    fastmri_magic,
    fastmri_magic_fraction,
    fastmri_random,
)
from mript_jax.physics.patterns.gaussian import gaussian_1d, gaussian_2d
from mript_jax.physics.patterns.lattice import caipi
from mript_jax.physics.patterns.poisson import poisson_disc
from mript_jax.physics.patterns.trajectories import radial, spiral

PatternFn = Callable[[tuple[int, int], float, float, np.random.Generator], np.ndarray]

# CONTRIBUTING.md says what else a new pattern needs. The order has no meaning: the index of a
# pattern in a model is its position in config.data.patterns.
PATTERNS: dict[str, PatternFn] = {
    "cartesian_random": cartesian_random,
    "cartesian_equispaced": cartesian_equispaced,
    "gaussian_1d": gaussian_1d,
    "gaussian_2d": gaussian_2d,
    "fastmri_random": fastmri_random,
    "fastmri_equispaced": fastmri_equispaced,
    "fastmri_equispaced_fraction": fastmri_equispaced,  # the package's two names for it
    "fastmri_magic": fastmri_magic,
    "fastmri_magic_fraction": fastmri_magic_fraction,
    "equidistant": equidistant,
    "poisson_disc": poisson_disc,
    "radial": radial,
    "spiral": spiral,
    "caipi": caipi,
}
REDRAWS = 100  # at most, of a mask without any sample, which a random pattern can give


@dataclasses.dataclass(frozen=True)
class Mask:
    """A mask with its record: the requested parameters, and those that the drawn mask has."""

    array: np.ndarray  # [H, W] float32
    pattern: str
    acceleration: float  # nominal, as requested
    center_fraction: float  # as requested
    seed: int | Sequence[int]
    axis: int  # phase-encoding direction: each column is a line (-1), or each row (-2)
    partial_fourier: float  # share of the lines that may be sampled; 1: all
    true_acceleration: float  # points over sampled points
    center_lines: int  # width of the autocalibration region in the phase-encoding direction
    offset: int | None  # first sampled line; None for a pattern of points


def sample_mask(
    pattern: str,
    shape: tuple[int, int],
    acceleration: float,
    center_fraction: float,
    seed: int | Sequence[int],
    axis: int = -1,
    partial_fourier: float = 1.0,
) -> np.ndarray:
    """Draw an undersampling mask.

    Args:
      pattern: the sampling pattern, a key of `PATTERNS`.
      shape: (H, W) of k-space.
      acceleration: nominal acceleration R, 1 or more.
      center_fraction: share of k-space in the autocalibration region, at most 1 / R.
      seed: of `np.random.default_rng`; the same seed gives the same mask.
      axis: phase-encoding direction: -1 (each column is a line) or -2 (each row is one).
      partial_fourier: share of the lines that may be sampled, 0.5 to 1. Lines at the start are
        left out, but none of the autocalibration region.

    Returns:
      The mask, float32 [H, W]: 1 where k-space is sampled, zero frequency at (H // 2, W // 2).
    """
    _check(
        pattern,
        shape,
        acceleration=acceleration,
        center_fraction=center_fraction,
        axis=axis,
        partial_fourier=partial_fourier,
    )
    rng = np.random.default_rng(seed)
    by_columns = axis in (-1, 1)
    shape = (shape[0], shape[1]) if by_columns else (shape[1], shape[0])
    for _ in range(REDRAWS):
        mask = PATTERNS[pattern](shape, acceleration, center_fraction, rng)
        if partial_fourier < 1:
            mask[:, : _skipped_lines(mask, partial_fourier)] = 0.0
        if mask.any():
            return np.ascontiguousarray(mask if by_columns else mask.T, np.float32)
    raise UserError(
        f"{pattern} at acceleration {acceleration:g} and center fraction {center_fraction:g} "
        f"samples nothing of {shape[0]} x {shape[1]} points; use a larger shape or center"
    )


def draw_mask(
    pattern: str,
    shape: tuple[int, int],
    acceleration: float,
    center_fraction: float,
    seed: int | Sequence[int],
    axis: int = -1,
    partial_fourier: float = 1.0,
) -> Mask:
    """`sample_mask` with a record of the requested and the true parameters."""
    request = (pattern, shape, acceleration, center_fraction, seed, axis, partial_fourier)
    array = sample_mask(*request)
    axis = -1 if axis in (-1, 1) else -2
    return Mask(
        array=array,
        pattern=pattern,
        acceleration=float(acceleration),
        center_fraction=float(center_fraction),
        seed=seed,
        axis=axis,
        partial_fourier=float(partial_fourier),
        true_acceleration=true_acceleration(array),
        center_lines=center_width(array, axis),
        offset=first_line(array, axis),
    )


def true_acceleration(mask: np.ndarray) -> float:
    """Points over sampled points; infinite for an empty mask."""
    sampled = np.count_nonzero(mask)
    return mask.size / sampled if sampled else math.inf


def center_width(mask: np.ndarray, axis: int = -1) -> int:
    """Width along an axis of the autocalibration region of a mask [H, W].

    It is the largest fully sampled region in the position of `center_block`: of lines for a mask
    of lines, a rectangle with the proportions of the mask for a mask of points.
    """
    mask = np.asarray(mask) > 0
    mask = mask if axis in (-1, 1) else mask.T
    H, W = mask.shape
    height = 1 if (mask == mask[:1]).all() else H
    sampled = np.zeros((height + 1, W + 1), int)  # of all points above and left of each
    sampled[1:, 1:] = mask[:height].cumsum(0).cumsum(1)
    widths = np.arange(W + 1)
    heights = np.ceil(widths * height / W).astype(int)
    top, left = (height - heights + 1) // 2, (W - widths + 1) // 2
    bottom, right = top + heights, left + widths
    inside = (
        sampled[bottom, right] - sampled[top, right] - sampled[bottom, left] + sampled[top, left]
    )
    return int(np.flatnonzero(inside == heights * widths).max())


def _check(
    pattern: str,
    shape: tuple[int, int],
    acceleration: float,
    center_fraction: float,
    axis: int,
    partial_fourier: float,
) -> None:
    if pattern not in PATTERNS:
        raise unknown_name_error("sampling pattern", pattern, PATTERNS)
    if len(shape) != 2 or min(shape) < 1:
        raise UserError(f"a mask's shape is (height, width), both 1 or more, got {tuple(shape)}")
    if not 1 <= acceleration < math.inf:
        raise UserError(f"acceleration {acceleration} must be a number of 1 or more")
    if not 0 <= center_fraction <= 1:
        raise UserError(f"center fraction {center_fraction} must be between 0 and 1")
    if axis not in (-1, -2, 0, 1):
        raise UserError(f"axis {axis} must be -1 (each column is a line) or -2 (each row)")
    if not 0.5 <= partial_fourier <= 1:
        raise UserError(f"partial Fourier {partial_fourier} must be between 0.5 and 1")


def _skipped_lines(mask: np.ndarray, partial_fourier: float) -> int:
    """Number of lines at the start that partial Fourier leaves out; none of them in the center."""
    W = mask.shape[1]
    return min(round(W * (1 - partial_fourier)), (W - center_width(mask)) // 2)


def first_line(mask: np.ndarray, axis: int) -> int | None:
    """Return the first sampled line of a mask of whole lines; None for a pattern of points."""
    lines = mask if axis == -1 else mask.T
    if (lines != lines[:1]).any():
        return None
    return int(np.flatnonzero(lines[0])[0])
