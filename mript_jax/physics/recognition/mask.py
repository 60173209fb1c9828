"""What a mask is, from its samples alone: users have data, not labels."""

import dataclasses

import numpy as np

from mript_jax.physics.masks import center_width, true_acceleration
from mript_jax.physics.recognition.lines import line_pattern, skipped_share
from mript_jax.physics.recognition.nominal import nominal_acceleration
from mript_jax.physics.recognition.points import point_pattern


@dataclasses.dataclass(frozen=True)
class RecognizedMask:
    """A sampling pattern and its numbers."""

    pattern: str
    acceleration: float  # nominal: what the pattern would have been asked for
    true_acceleration: float  # points over sampled points
    center_fraction: float
    center_lines: int  # width of the fully sampled center along the phase encodes
    axis: int  # phase encodes along columns (-1) or rows (-2)
    partial_fourier: float = 1.0  # share of the lines before a part at one end was left out


def recognize_mask(mask: np.ndarray) -> RecognizedMask:
    """Names the pattern of a 0/1 mask [H, W] and measures it.

    Lines at random are called `cartesian_random`: one mask does not tell a fixed count from
    independent draws. Points that are none of the known patterns are called `gaussian_2d`.
    """
    mask = np.asarray(mask) > 0
    true = true_acceleration(mask)
    if mask.all():
        return RecognizedMask("cartesian_random", 1.0, 1.0, 1.0, mask.shape[1], -1)
    if not mask.any():
        return RecognizedMask("cartesian_random", true, true, 0.0, 0, -1)
    for axis, lines in ((-1, mask), (-2, mask.T)):
        if (lines == lines[:1]).all():
            return _recognize_lines(lines[0], axis)
    pattern, axis = point_pattern(mask)
    center = center_width(mask, -1) * center_width(mask, -2) / mask.size
    shape = mask.shape if axis == -1 else mask.shape[::-1]
    nominal = nominal_acceleration(pattern, shape, center, int(mask.sum()))
    return RecognizedMask(pattern, nominal, true, center, center_width(mask, axis), axis)


def recognize_kspace(kspace: np.ndarray) -> np.ndarray:
    """Which points of k-space [..., H, W] were sampled, as float32: those not zero everywhere.

    The spectrum of a magnitude image is zero nowhere; see `recognize_image`.
    """
    return (np.asarray(kspace) != 0).any(axis=tuple(range(kspace.ndim - 2))).astype(np.float32)


def _recognize_lines(line: np.ndarray, axis: int) -> RecognizedMask:
    center = center_width(line[None])
    skipped = skipped_share(line)
    pattern, nominal = line_pattern(line, center)
    if nominal is None:
        # Partial Fourier comes on top: the rest is judged as if nothing else was left out.
        count = round(int(line.sum()) / (1 - skipped))
        nominal = nominal_acceleration(pattern, (1, len(line)), center / len(line), count)
    true = len(line) / int(line.sum())
    return RecognizedMask(pattern, nominal, true, center / len(line), center, axis, 1 - skipped)
