"""Paired differences: one method against another on the same slices, task by task."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mript_jax.evaluation.results import TASK
from mript_jax.evaluation.summary import bootstrap_interval

MORE_IS_BETTER = ("psnr", "ssim")
Slices = Mapping[tuple, Mapping[str, float]]  # (task, volume, slice) -> metrics


def read_slices(path: Path, methods: Sequence[str]) -> Slices:
    """Metrics of each slice and task in an examples.csv, as means over the methods.

    The methods are trainings of one network with several seeds, or one method alone.
    """
    found: dict[tuple, list[Mapping[str, float]]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["method"] in methods:
                key = (tuple(row[name] for name in TASK), row["volume"], row["slice_index"])
                found.setdefault(key, []).append({m: float(row[m]) for m in MORE_IS_BETTER})
    return {
        key: {m: float(np.mean([row[m] for row in rows])) for m in MORE_IS_BETTER}
        for key, rows in found.items()
    }


def paired_differences(ours: Slices, rival: Slices) -> list[dict[str, Any]]:
    """A row for each task: mean differences and their 95 % intervals, drawing volumes again."""
    rows = []
    for task in dict.fromkeys(task for task, *_ in ours):
        keys = [key for key in ours if key[0] == task and key in rival]
        row: dict[str, Any] = dict(zip(TASK, task, strict=True))
        for metric in MORE_IS_BETTER:
            values = np.array([ours[key][metric] - rival[key][metric] for key in keys])
            low, high = bootstrap_interval(values, [volume for _, volume, _ in keys])
            row |= {metric: float(values.mean()), f"{metric}_low": low, f"{metric}_high": high}
        row["better"] = all((row[f"{m}_low"] or 0) > 0 for m in MORE_IS_BETTER)
        rows.append(row)
    return rows


def paired_rows(
    path: Path, pairs: Mapping[str, tuple[Sequence[str], Sequence[str]]]
) -> list[dict[str, Any]]:
    """A row for each rival: in how many tasks ours is better, and by how much.

    `pairs` maps the rival's name to our methods and the rival's, of which the means are compared.
    """
    rows = []
    for name, (ours, theirs) in pairs.items():
        tasks = paired_differences(read_slices(path, ours), read_slices(path, theirs))
        gains = [row["psnr"] for row in tasks]
        rows.append(
            {
                "rival": name,
                "seeds": len(ours),
                "better in PSNR and SSIM": f"{sum(r['better'] for r in tasks)} of {len(tasks)}",
                "mean difference (dB)": f"{np.mean(gains):.2f}",
                "least": f"{min(gains):.2f}",
                "most": f"{max(gains):.2f}",
            }
        )
    return rows
