"""Weights of compressed sensing, for each task the best of a few, by PSNR on training data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.evaluation.metrics import psnr
from mript_jax.physics.tasks import Task

Batch = Mapping[str, Any]
Weighted = Callable[[Batch, jax.Array | float], jax.Array]  # (batch, weight) -> [B, H, W, 1]

CANDIDATES = (0.0005, 0.0015, 0.005, 0.015, 0.05)


def tune_weights(
    method: Weighted,
    make_batches: Callable[[Task], Iterable[Batch]],
    tasks: Sequence[Task],
    candidates: Sequence[float] = CANDIDATES,
) -> np.ndarray:
    """The best weight of each task, [pattern_index, level_index]."""
    shape = (
        1 + max(task.pattern_index for task in tasks),
        1 + max(task.level_index for task in tasks),
    )
    table = np.full(shape, np.median(candidates), np.float32)
    for task in tasks:
        batches = list(make_batches(task))
        scores = [_score(method, batches, weight) for weight in candidates]
        table[task.pattern_index, task.level_index] = candidates[int(np.argmax(scores))]
    return table


def with_weights(method: Weighted, table: np.ndarray) -> Callable[[Batch], jax.Array]:
    """The method with each example's weight from a table of `tune_weights`."""
    table = jnp.asarray(table)

    def tuned(batch: Batch) -> jax.Array:
        return method(batch, table[batch["pattern_index"], batch["level_index"]])

    return tuned


def _score(method: Weighted, batches: Sequence[Batch], weight: float) -> float:
    """Mean PSNR over the examples that count."""
    total = count = 0.0
    for batch in batches:
        target = batch["target"][..., 0]
        scores = psnr(target, method(batch, weight)[..., 0], target.max(axis=(1, 2)))
        total += float(np.sum(np.asarray(scores) * batch["weight"]))
        count += float(np.sum(batch["weight"]))
    return total / max(count, 1.0)
