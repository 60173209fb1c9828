"""Measuring methods on a grid of tasks: `evaluate_tasks(methods, make_batches, tasks)`.

A method is a function from a batch to images; nothing here knows of checkpoints or training.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.evaluation.metrics import nmse, psnr, ssim
from mript_jax.physics.tasks import Task

Batch = Mapping[str, np.ndarray]
Method = Callable[[Batch], jax.Array]  # -> [B, H, W, 1]

METRICS = {"psnr": psnr, "ssim": ssim, "nmse": nmse}


@dataclasses.dataclass(frozen=True)
class Example:
    """One slice of the report: what went in, what each method made of it."""

    task: Task
    volume: str
    slice_index: int
    target: np.ndarray  # [H, W]
    mask: np.ndarray  # [H, W]
    images: dict[str, np.ndarray]  # method -> [H, W]
    psnr: dict[str, float]


def zero_filled(batch: Batch) -> jax.Array:
    """The baseline that does nothing."""
    return jnp.asarray(batch["zero_filled"])


def evaluate_tasks(
    methods: Mapping[str, Method],
    make_batches: Callable[[Task], Iterable[tuple[Batch, Sequence[Any]]]],
    tasks: Sequence[Task],
    examples_per_task: int = 2,
    progress: Callable[[Task], None] = lambda task: None,
) -> tuple[list[dict[str, Any]], list[Example]]:
    """Rows of results (see interface: one per task and method) and slices to look at.

    `make_batches(task)` yields batches with the records behind them; examples of weight 0 do not
    count. Of each task the worst slice of the first method, and a median one, are kept.
    """
    rows, examples = [], []
    for task in tasks:
        progress(task)
        values: dict[str, dict[str, list[float]]] = {m: {k: [] for k in METRICS} for m in methods}
        sampled, candidates = [], []
        for batch, records in make_batches(task):
            counts = batch["weight"] > 0
            sampled += list(batch["mask"][counts].mean(axis=(1, 2)))
            outputs = {name: np.asarray(method(batch)) for name, method in methods.items()}
            scores = {name: _scores(batch["target"], image) for name, image in outputs.items()}
            for name, measured in scores.items():
                for key, value in measured.items():
                    values[name][key] += value[counts].tolist()
            for i in np.flatnonzero(counts):
                candidates.append(_example(task, batch, records[i], outputs, scores, i))
        for name in methods:
            rows.append(_row(task, name, values[name], float(np.mean(sampled))))
        examples += _worst_and_median(candidates, next(iter(methods)), examples_per_task)
    return rows, examples


@jax.jit
def _measure(target: jax.Array, estimate: jax.Array) -> dict[str, jax.Array]:
    maximum = jnp.maximum(jnp.max(target, axis=(1, 2)), 1e-12)
    return {name: metric(target, estimate, data_range=maximum) for name, metric in METRICS.items()}


def _scores(target: np.ndarray, estimate: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics of each slice, with its own maximum as data range."""
    return jax.tree.map(np.asarray, _measure(target[..., 0], estimate[..., 0]))


def _row(task: Task, method: str, values: dict[str, list[float]], sampled: float) -> dict[str, Any]:
    row = {
        "pattern": task.pattern,
        "acceleration": task.acceleration,
        "center_fraction": task.center_fraction,
        "true_acceleration": round(1 / sampled, 4),
        "method": method,
    }
    row |= {name: float(np.mean(value)) for name, value in values.items()}
    row |= {f"{name}_std": float(np.std(value)) for name, value in values.items()}
    return row | {"count": len(values["psnr"])}


def _example(
    task: Task,
    batch: Batch,
    record: Any,
    outputs: Mapping[str, np.ndarray],
    scores: Mapping[str, Mapping[str, np.ndarray]],
    i: int,
) -> Example:
    return Example(
        task,
        record.volume,
        record.slice_index,
        batch["target"][i, ..., 0],
        batch["mask"][i],
        {name: image[i, ..., 0] for name, image in outputs.items()},
        {name: float(measured["psnr"][i]) for name, measured in scores.items()},
    )


def _worst_and_median(candidates: list[Example], method: str, count: int) -> list[Example]:
    ordered = sorted(candidates, key=lambda example: example.psnr[method])
    positions = np.linspace(0, len(ordered) // 2, min(count, len(ordered))).astype(int)
    return [ordered[p] for p in dict.fromkeys(positions.tolist())]
