"""The autocalibration region (ACS), the fully sampled center of k-space."""

import math

from mript_jax.errors import UserError


def center_block(width: int, center_fraction: float) -> tuple[int, int]:
    """Start and number of the lines (or cells) in the autocalibration region.

    The start is fastMRI's, (width - count + 1) // 2; zero frequency is always inside.
    """
    count = round(width * center_fraction)
    return (width - count + 1) // 2, count


def center_lines(width: int, acceleration: float, center_fraction: float) -> tuple[int, int]:
    """`center_block`, or a UserError if it is more than `width / acceleration` lines.

    A fraction of at most 1 / acceleration is accepted even where its lines are rounded up.
    """
    start, count = center_block(width, center_fraction)
    if count > width / acceleration and center_fraction > 1 / acceleration:
        raise UserError(
            f"a center of {count} lines (center fraction {center_fraction:g} of {width}) is more "
            f"than acceleration {acceleration:g} leaves, which is {width / acceleration:g}; the "
            f"center fraction can be {1 / acceleration:.3g} at most"
        )
    return start, count


def center_rectangle(
    shape: tuple[int, int], acceleration: float, center_fraction: float
) -> tuple[slice, slice]:
    """The central rectangle of the proportions of `shape` that is `center_fraction` of it.

    Its sides are rounded down, so that it never exceeds 1 / acceleration.
    """
    check_share(shape, acceleration, center_fraction)
    sides = [math.floor(n * math.sqrt(center_fraction) + 1e-9) for n in shape]
    starts = [(n - side + 1) // 2 for n, side in zip(shape, sides, strict=True)]
    rows, columns = (slice(a, a + side) for a, side in zip(starts, sides, strict=True))
    return rows, columns


def check_share(shape: tuple[int, int], acceleration: float, center_fraction: float) -> None:
    """Raise a UserError if the center is a larger share of k-space than 1 / acceleration."""
    if center_fraction * acceleration > 1 + 1e-9:
        points = shape[0] * shape[1]
        raise UserError(
            f"a center of {center_fraction * points:.0f} points (center fraction "
            f"{center_fraction:g} of {points}) is more than acceleration {acceleration:g} leaves, "
            f"which is {points / acceleration:.0f}; the center fraction can be "
            f"{1 / acceleration:.3g} at most"
        )
