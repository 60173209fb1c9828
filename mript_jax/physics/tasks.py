"""The task grid, sampling pattern x acceleration, and the index of a task's head and tail."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

from mript_jax.errors import UserError, unknown_name_error

# The order of patterns and levels is that of the heads of models trained on them: append only.
PATTERN_NAMES = ("cartesian_random", "cartesian_equispaced", "gaussian_1d", "gaussian_2d")
LEVELS = ((2.0, 0.10), (4.0, 0.08), (6.0, 0.06), (8.0, 0.04), (10.0, 0.02))  # R, center fraction
MODES = ("type", "level", "split")

# The most similar patterns to each pattern, best first: a model that was not trained on a pattern
# uses the first of these that it was trained on.
LIKE = {
    "cartesian_random": ("fastmri_random", "gaussian_1d"),
    "cartesian_equispaced": ("fastmri_equispaced", "fastmri_magic", "cartesian_random"),
    "gaussian_1d": ("cartesian_random", "gaussian_2d"),
    "gaussian_2d": ("poisson_disc", "gaussian_1d", "cartesian_random"),
    "equidistant": ("fastmri_equispaced", "cartesian_equispaced", "cartesian_random"),
    "fastmri_random": ("cartesian_random", "gaussian_1d"),
    "fastmri_equispaced": ("fastmri_equispaced_fraction", "cartesian_equispaced"),
    "fastmri_equispaced_fraction": ("fastmri_equispaced", "cartesian_equispaced"),
    "fastmri_magic": ("fastmri_magic_fraction", "fastmri_equispaced", "cartesian_equispaced"),
    "fastmri_magic_fraction": ("fastmri_magic", "fastmri_equispaced", "cartesian_equispaced"),
    "poisson_disc": ("gaussian_2d", "gaussian_1d"),
    "radial": ("spiral", "poisson_disc", "gaussian_2d", "gaussian_1d"),
    "spiral": ("radial", "poisson_disc", "gaussian_2d", "gaussian_1d"),
    "caipi": ("poisson_disc", "gaussian_2d", "cartesian_equispaced"),
}


@dataclasses.dataclass(frozen=True)
class Task:
    """A sampling pattern at an acceleration, with the indices of the nearest trained task."""

    pattern: str
    acceleration: float
    center_fraction: float
    pattern_index: int
    level_index: int


def task_grid(
    patterns: Sequence[str],
    accelerations: Sequence[float],
    center_fractions: Sequence[float],
    trained_patterns: Sequence[str] | None = None,
    trained_accelerations: Sequence[float] | None = None,
) -> tuple[Task, ...]:
    """Every pattern at every acceleration, with the indices of the nearest trained task.

    Without `trained_*` all tasks of the grid are trained ones, and positions are the indices.
    """
    trained_patterns = patterns if trained_patterns is None else trained_patterns
    trained = accelerations if trained_accelerations is None else trained_accelerations
    return tuple(
        Task(
            pattern,
            float(acceleration),
            float(center),
            pattern_index=nearest_pattern(pattern, trained_patterns),
            level_index=nearest_level(acceleration, trained),
        )
        for pattern in patterns
        for acceleration, center in zip(accelerations, center_fractions, strict=True)
    )


def make_task(pattern: str, acceleration: float, center_fraction: float | None = None) -> Task:
    """A task with the indices of the nearest one of MR-IPT's grid."""
    if acceleration < 1:
        raise UserError(f"acceleration {acceleration} must be 1 or more")
    if center_fraction is None:
        center_fraction = usual_center_fraction(acceleration)
    (task,) = task_grid(
        (pattern,),
        (acceleration,),
        (center_fraction,),
        trained_patterns=PATTERN_NAMES,
        trained_accelerations=[r for r, _ in LEVELS],
    )
    return task


def nearest_pattern(pattern: str, trained: Sequence[str]) -> int:
    """The position of a pattern, or of the most similar one, among the trained patterns."""
    trained = list(trained)
    if pattern not in LIKE and pattern not in trained:
        raise unknown_name_error("sampling pattern", pattern, LIKE)
    for candidate in (pattern, *LIKE.get(pattern, ())):
        if candidate in trained:
            return trained.index(candidate)
    return 0


def nearest_level(acceleration: float, accelerations: Sequence[float]) -> int:
    """The position of the nearest acceleration, measured by their ratio."""
    distances = [abs(math.log(acceleration / r)) for r in accelerations]
    return distances.index(min(distances))


def usual_center_fraction(acceleration: float) -> float:
    """The center fraction for an acceleration: interpolated between LEVELS, linear in log R."""
    if acceleration <= LEVELS[0][0]:
        return LEVELS[0][1]
    for (r0, c0), (r1, c1) in itertools.pairwise(LEVELS):
        if acceleration <= r1:
            part = math.log(acceleration / r0) / math.log(r1 / r0)
            return c0 + part * (c1 - c0)
    return LEVELS[-1][1] * LEVELS[-1][0] / acceleration


def head_index(mode: str, pattern_index, level_index, num_levels: int):
    """The index of the head and tail of a task; indices are integers or arrays of them."""
    if mode == "type":
        return pattern_index
    if mode == "level":
        return level_index
    if mode == "split":
        return pattern_index * num_levels + level_index
    raise unknown_name_error("mode", mode, MODES)


def num_heads(mode: str, num_patterns: int, num_levels: int) -> int:
    """The number of heads, and of tails, of a mode."""
    return int(head_index(mode, num_patterns - 1, num_levels - 1, num_levels)) + 1


TASKS = task_grid(PATTERN_NAMES, [r for r, _ in LEVELS], [c for _, c in LEVELS])
