"""Recognition of the sampling pattern of a mask: measured data comes without labels."""

import dataclasses

import numpy as np

from mript_jax.physics.masks import center_width, true_acceleration
from mript_jax.physics.recognition.lines import line_pattern, skipped_share
from mript_jax.physics.recognition.nominal import nominal_acceleration
from mript_jax.physics.recognition.points import point_pattern


@dataclasses.dataclass(frozen=True)
class RecognizedMask:
    """A sampling pattern and its parameters."""

    pattern: str
    acceleration: float  # nominal
    true_acceleration: float  # points over sampled points
    center_fraction: float
    center_lines: int  # width of the autocalibration region in the phase-encoding direction
    axis: int  # phase-encoding direction: each column is a line (-1), or each row (-2)
    partial_fourier: float = 1.0  # share of the lines that were not left out at one end


def recognize_mask(mask: np.ndarray) -> RecognizedMask:
    """The most likely pattern of a 0/1 mask [H, W], with its parameters.

    Random lines are reported as `cartesian_random`: one mask does not show if their number was
    fixed or each was drawn independently. Points of no known pattern are reported as `gaussian_2d`.
    """
    mask = np.asarray(mask) > 0
    true = true_acceleration(mask)
    if mask.all():
        return RecognizedMask(
            "cartesian_random",
            acceleration=1.0,
            true_acceleration=1.0,
            center_fraction=1.0,
            center_lines=mask.shape[1],
            axis=-1,
        )
    if not mask.any():
        return RecognizedMask(
            "cartesian_random",
            acceleration=true,
            true_acceleration=true,
            center_fraction=0.0,
            center_lines=0,
            axis=-1,
        )
    for axis, lines in ((-1, mask), (-2, mask.T)):
        if (lines == lines[:1]).all():
            return _recognize_lines(lines[0], axis)
    pattern, axis = point_pattern(mask)
    center = center_width(mask, -1) * center_width(mask, -2) / mask.size
    shape = mask.shape if axis == -1 else mask.shape[::-1]
    nominal = nominal_acceleration(pattern, shape, center, int(mask.sum()))
    return RecognizedMask(
        pattern,
        acceleration=nominal,
        true_acceleration=true,
        center_fraction=center,
        center_lines=center_width(mask, axis),
        axis=axis,
    )


def recognize_kspace(kspace: np.ndarray) -> np.ndarray:
    """The mask [H, W], float32, of k-space [..., H, W]: 1 where some leading entry is not zero.

    It does not serve for magnitude images, whose spectrum is zero nowhere; see `recognize_image`.
    """
    return (np.asarray(kspace) != 0).any(axis=tuple(range(kspace.ndim - 2))).astype(np.float32)


def _recognize_lines(line: np.ndarray, axis: int) -> RecognizedMask:
    center = center_width(line[None])
    skipped = skipped_share(line)
    pattern, nominal = line_pattern(line, center)
    if nominal is None:
        # The nominal acceleration is that of the mask without partial Fourier.
        count = round(int(line.sum()) / (1 - skipped))
        nominal = nominal_acceleration(pattern, (1, len(line)), center / len(line), count)
    true = len(line) / int(line.sum())
    return RecognizedMask(
        pattern,
        acceleration=nominal,
        true_acceleration=true,
        center_fraction=center / len(line),
        center_lines=center,
        axis=axis,
        partial_fourier=1 - skipped,
    )
