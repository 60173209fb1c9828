"""Weights of compressed sensing, for each task the best of a few, by PSNR on training data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from mript_jax.batch import Batch
from mript_jax.evaluation.baselines.measurement import add_sensitivities
from mript_jax.evaluation.metrics import psnr
from mript_jax.physics.crop import center_crop
from mript_jax.physics.tasks import Task

Weighted = Callable[[Batch, jax.Array | float], Any]  # (batch, weight) -> [B, H, W, 1]
Scale = Callable[[jax.Array, jax.Array], jax.Array]  # (reference, estimate) -> estimate

CANDIDATES = (0.0005, 0.0015, 0.005, 0.015, 0.05)


def tune_weights(
    method: Weighted,
    make_batches: Callable[[Task], Iterable[Batch]],
    tasks: Sequence[Task],
    candidates: Sequence[float] = CANDIDATES,
    scale: Scale | None = None,
) -> dict[Task, float]:
    """The best weight of each task; `scale` is that of the protocol."""
    weights = {}
    for task in tasks:
        counted = (_counted(batch) for batch in make_batches(task))
        batches = [add_sensitivities(batch) for batch in counted if len(batch["weight"])]
        scores = [_score(method, batches, weight, scale) for weight in candidates]
        weights[task] = candidates[int(np.argmax(scores))]
    return weights


def with_weights(method: Weighted, weights: Mapping[Task, float]) -> Callable[[Batch, Task], Any]:
    """The method with the weight of each task, as `tune_weights` found it."""

    def tuned(batch: Batch, task: Task) -> Any:
        return method(batch, weights[task])

    return tuned


def _counted(batch: Batch) -> Batch:
    """Without the examples that fill a batch up: they would take as long."""
    counts = batch["weight"] > 0
    return {name: values[counts] for name, values in batch.items()}


def _score(method: Weighted, batches: Sequence[Batch], weight: float, scale: Scale | None) -> float:
    """Mean PSNR over the examples."""
    total = count = 0.0
    for batch in batches:
        target = batch["target"][..., 0]
        estimate = center_crop(method(batch, weight)[..., 0], target.shape[1:])
        estimate = scale(target, estimate) if scale else estimate
        scores = psnr(target, estimate, target.max(axis=(1, 2)))
        total += float(np.sum(np.asarray(scores)))
        count += len(target)
    return total / max(count, 1.0)
