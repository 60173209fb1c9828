"""Results as files: results.json (the schema), results.csv, and tables for papers."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mript_jax.errors import UserError

HEADER = ("model", "dataset", "protocol", "split")
ROW = (
    "pattern",
    "acceleration",
    "center_fraction",
    "true_acceleration",
    "method",
    "psnr",
    "ssim",
    "nmse",
    "psnr_std",
    "ssim_std",
    "nmse_std",
    "count",
)
PROTOCOLS = ("mript_paper", "fastmri_official")


def write_results(folder: str | Path, results: Mapping[str, Any]) -> None:
    """Writes results.json and results.csv."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    with (folder / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, (*HEADER, *ROW), extrasaction="ignore")
        writer.writeheader()
        for row in results["rows"]:
            writer.writerow({**{key: results[key] for key in HEADER}, **row})


def read_results(path: str | Path) -> dict[str, Any]:
    """A results.json, or the one in a folder."""
    path = Path(path)
    path = path / "results.json" if path.is_dir() else path
    try:
        results = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as results: {error}") from error
    missing = [key for key in (*HEADER, "rows") if key not in results]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}")
    return results


def refuse_mixture(results: Sequence[Mapping[str, Any]]) -> None:
    """Results are compared only within one protocol, one data set and one split."""
    for key in ("protocol", "dataset", "split"):
        values = list(dict.fromkeys(str(r[key]) for r in results))
        if len(values) > 1:
            raise UserError(f"results of different {key} cannot be compared: {', '.join(values)}")


def gains(rows: Sequence[Mapping[str, Any]], method: str, over: str = "zero_filled") -> list[float]:
    """PSNR of a method above another's, task by task."""
    other = {_task(row): row["psnr"] for row in rows if row["method"] == over}
    return [row["psnr"] - other[_task(row)] for row in rows if row["method"] == method]


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each task, PSNR / SSIM of every method."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    tasks: dict[tuple, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        tasks.setdefault(_task(row), {})[row["method"]] = row
    lines = ["| pattern | R | true R | " + " | ".join(methods) + " |"]
    lines.append("|---" * (3 + len(methods)) + "|")
    for (pattern, acceleration), of_method in tasks.items():
        first = next(iter(of_method.values()))
        cells = [f"{r['psnr']:.2f} dB / {r['ssim']:.3f}" for r in of_method.values()]
        lines.append(
            f"| {pattern} | {acceleration:g} | {first['true_acceleration']:.2f} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines)


def _task(row: Mapping[str, Any]) -> tuple[str, float]:
    return row["pattern"], row["acceleration"]
