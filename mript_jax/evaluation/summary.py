"""From the values of examples to a row: means, standard deviations, counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mript_jax.evaluation.protocols import Protocol

METRICS = ("psnr", "ssim", "nmse")


def summarise(examples: Sequence[Any], method: str, protocol: Protocol) -> dict[str, Any]:
    """The row of a method in the examples' task, with the keys of results.json."""
    task = examples[0].task
    units = protocol.units((e.volume, e.values[method]) for e in examples)
    row: dict[str, Any] = {
        "pattern": task.pattern,
        "acceleration": task.acceleration,
        "center_fraction": task.center_fraction,
        "true_acceleration": float(np.mean([e.true_acceleration for e in examples])),
        "method": method,
    }
    for metric in METRICS:
        values = np.array([of_unit[metric] for _, of_unit in units])
        row[metric] = float(values.mean())
        row[f"{metric}_std"] = float(values.std())
    row["count"] = len(units)
    return row
