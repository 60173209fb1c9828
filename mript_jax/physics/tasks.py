"""The task grid: sampling pattern x acceleration, and which head and tail serve a task."""

import dataclasses


from mript_jax.errors import UserError

PATTERN_NAMES = ("cartesian_random", "cartesian_equispaced", "gaussian_1d", "gaussian_2d")
LEVELS = ((2.0, 0.10), (4.0, 0.08), (6.0, 0.06), (8.0, 0.04), (10.0, 0.02))  # R, center fraction
MODES = ("type", "level", "split")


@dataclasses.dataclass(frozen=True)
class Task:
    """A sampling pattern at an acceleration, with the indices of the nearest trained task."""

    pattern: str
    acceleration: float
    center_fraction: float
    pattern_index: int
    level_index: int


TASKS = tuple(
    Task(pattern, acceleration, center, i, j)
    for i, pattern in enumerate(PATTERN_NAMES)
    for j, (acceleration, center) in enumerate(LEVELS)
)


def head_index(mode: str, pattern_index, level_index, num_levels: int):
    """Which head and tail serve a task (integers or arrays of them)."""
    if mode == "type":
        return pattern_index
    if mode == "level":
        return level_index
    if mode == "split":
        return pattern_index * num_levels + level_index
    raise UserError(f"unknown mode {mode!r}; known: {', '.join(MODES)}")


def num_heads(mode: str, num_patterns: int, num_levels: int) -> int:
    """How many heads, and tails, a mode has."""
    return int(head_index(mode, num_patterns - 1, num_levels - 1, num_levels)) + 1
