"""What a mask is, from its samples alone: users have data, not labels."""

import dataclasses

import numpy as np
from scipy.ndimage import maximum_filter1d

from mript_jax.physics.masks import sample_mask
from mript_jax.physics.patterns.gaussian import CELL_1D

NOMINAL = np.arange(1.0, 16.25, 0.25)  # accelerations tried for patterns whose true one differs
WEAK = 0.25  # an unsampled column of a magnitude image's spectrum, relative to its neighbours


@dataclasses.dataclass(frozen=True)
class Recognised:
    pattern: str
    acceleration: float  # nominal: what the pattern would have been asked for
    true_acceleration: float  # points over sampled points
    center_fraction: float
    center_lines: int  # width of the fully sampled center, in lines
    axis: int  # phase encodes along columns (-1) or rows (-2)


def recognise_mask(mask: np.ndarray) -> Recognised:
    """Names the pattern of a 0/1 mask [H, W] and measures it."""
    mask = np.asarray(mask) > 0
    true = mask.size / max(int(mask.sum()), 1)
    if mask.all():
        return Recognised("cartesian_random", 1.0, 1.0, 1.0, mask.shape[1], -1)
    by_columns = bool((mask == mask[:1]).all())
    by_rows = bool((mask == mask[:, :1]).all())
    if by_columns or by_rows:
        axis = -1 if by_columns else -2
        line = mask[0] if by_columns else mask[:, 0]
        center = _center_run(line)
        fraction = center / len(line)
        pattern = _line_pattern(line, center)
    else:
        axis = -1
        rows, columns = mask[:, mask.shape[1] // 2], mask[mask.shape[0] // 2]
        center = min(_center_run(rows), _center_run(columns))
        fraction = _center_run(rows) * _center_run(columns) / mask.size
        pattern = "gaussian_2d"
    nominal = (
        true if pattern.startswith("cartesian") else _nominal(pattern, mask.shape, fraction, true)
    )
    return Recognised(pattern, nominal, true, fraction, center, axis)


def recognise_kspace(kspace: np.ndarray) -> np.ndarray:
    """Which points of k-space [..., H, W] were sampled, as a float32 mask.

    Points that are zero everywhere were not. Where none is zero (the spectrum of a magnitude
    image), columns or rows much weaker than their neighbours were not.
    """
    strength = np.abs(kspace).reshape(-1, *kspace.shape[-2:]).max(axis=0)
    measured = strength > 0
    if not measured.all() and measured.any():
        return measured.astype(np.float32)
    mask = np.ones(strength.shape, np.float32)
    weakest = 0.0
    for axis in (0, 1):
        profile = np.sqrt((strength**2).mean(axis=axis))
        weak = profile < WEAK * maximum_filter1d(profile, 9)
        if weak.mean() > max(weakest, 0.2):
            weakest = weak.mean()
            line = 1.0 - weak.astype(np.float32)
            mask = np.broadcast_to(line if axis == 0 else line[:, None], strength.shape)
    return np.ascontiguousarray(mask, np.float32)


def _center_run(line: np.ndarray) -> int:
    """Length of the sampled run through zero frequency."""
    middle = len(line) // 2
    if not line[middle]:
        return 0
    after = np.flatnonzero(~line[middle:])
    before = np.flatnonzero(~line[: middle + 1][::-1])
    right = int(after[0]) if len(after) else len(line) - middle
    left = int(before[0]) if len(before) else middle + 1
    return left + right - 1


def _line_pattern(line: np.ndarray, center: int) -> str:
    kept = np.flatnonzero(line)
    gaps = np.diff(kept)
    wide = gaps[gaps > 1]
    even = len(line) - len(line) % CELL_1D
    pairs = line[:even].reshape(-1, CELL_1D)
    if len(kept) > center and (pairs == pairs[:, :1]).all():
        return "gaussian_1d"
    if len(wide) > 1 and wide.max() - wide.min() <= 1:
        return "cartesian_equispaced"
    return "cartesian_random"


def _nominal(pattern: str, shape: tuple[int, int], fraction: float, true: float) -> float:
    """The acceleration to ask a pattern for, so that the true one comes out."""
    possible = NOMINAL[NOMINAL * fraction < 1]
    got = [1 / sample_mask(pattern, shape, r, fraction, 0).mean() for r in possible]
    return float(possible[np.argmin(np.abs(np.log(got) - np.log(true)))])
