"""From the values of examples to a row: means, standard deviations, intervals, counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mript_jax.evaluation.protocols import Protocol

METRICS = ("psnr", "ssim", "nmse")  # those of every table
MORE_METRICS = {
    "hfen": "high-frequency error norm: less is better",
    "sharpness": "edges of the reference that are there: 1 all, less is blur",
}
DRAWS = 1000  # bootstrap samples
LEVEL = 0.95  # of the intervals


def summarize(examples: Sequence[Any], method: str, protocol: Protocol) -> dict[str, Any]:
    """The row of a method in the examples' task, with the keys of results.json and more."""
    task = examples[0].task
    units = protocol.units((e.volume, e.values[method]) for e in examples)
    volumes = [volume for volume, _ in units]
    row: dict[str, Any] = {
        "pattern": task.pattern,
        "acceleration": task.acceleration,
        "center_fraction": task.center_fraction,
        "true_acceleration": float(np.mean([e.true_acceleration for e in examples])),
        "method": method,
    }
    for metric in (*METRICS, *MORE_METRICS):
        values = np.array([of_unit[metric] for _, of_unit in units])
        row[metric] = float(values.mean())
        row[f"{metric}_std"] = float(values.std())
        row[f"{metric}_low"], row[f"{metric}_high"] = bootstrap_interval(values, volumes)
    spectra = [of_unit["frequency_error"] for _, of_unit in units]
    row["frequency_error"] = np.mean(spectra, axis=0).tolist()  # from the center of k-space out
    row["count"] = len(units)
    row["volumes"] = len(set(volumes))
    return row


def beyond_chance(gains: Sequence[float] | np.ndarray) -> bool:
    """Return True if the mean gain of slices is above 0 by more than twice its standard error."""
    spread = np.std(gains, ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else 0.0
    return bool(np.mean(gains) > 2 * spread)


def bootstrap_interval(
    values: np.ndarray, volumes: Sequence[str], seed: int = 0
) -> tuple[float | None, float | None]:
    """The 95 % interval of the mean when whole volumes are drawn again; None for one volume.

    Slices of a volume resemble each other: drawing slices would make the interval too narrow.
    """
    names, member = np.unique(np.asarray(volumes), return_inverse=True)
    if len(names) < 2:
        return None, None
    sums = np.bincount(member, weights=values)
    counts = np.bincount(member)
    draws = np.random.default_rng(seed).integers(len(names), size=(DRAWS, len(names)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
