"""A study from start to report: trains its runs, compares them, writes a page and a table.

A study's config holds
  about       one sentence: what is compared
  experiment  the training config that all runs share
  runs        name -> what differs; `init_from` may be the name of another run
  compared    the names of the runs in the table
  conditions  name -> what differs from `experiment` where they are evaluated
  probe       instead of conditions: what differs where linear heads are put on the encoders

Run again with the same folder, finished trainings and evaluations are not repeated.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from mript_jax.benchmarks.timing import table
from mript_jax.checkpoint import load_params
from mript_jax.comparison import compare
from mript_jax.data.dead_leaves import write_dead_leaves
from mript_jax.errors import UserError, unknown_name
from mript_jax.evaluation.report import write_report, write_study_page
from mript_jax.evaluation.results import Results, gains, read_results, write_results
from mript_jax.evaluation.summary import bootstrap_interval
from mript_jax.probe import probe, untrained
from mript_jax.training.loop import train

DEAD_LEAVES = "dead_leaves"  # config.data.path that stands for generated pictures
PICTURES = 600


def run_study(study: ConfigDict, workdir: str | Path) -> str:
    """Does what is left to do, writes study.html, .md and .json, and returns the table."""
    workdir = Path(workdir).absolute()
    for name in study.compared:
        _train(study, name, workdir)
    if "probe" in study:
        return _probe(study, workdir)
    checkpoints = {name: str(_folder(workdir, name)) for name in study.compared}
    by_condition = {
        name: _evaluate(study, name, checkpoints, workdir / "evaluation" / name)
        for name in study.conditions
    }
    rows = [
        {"condition": condition, **_summary(results, name)}
        for condition, results in by_condition.items()
        for name in (*study.compared, "zero_filled")
    ]
    return _write(study, rows, _table(rows), workdir)


def experiment(study: ConfigDict, changes: Mapping[str, Any]) -> ConfigDict:
    """The study's training config with changes."""
    config = ConfigDict(study.experiment.copy_and_resolve_references()).unlock()
    try:
        config.update(changes)
    except (TypeError, ValueError) as error:
        raise UserError(f"the study's changes do not fit its experiment: {error}") from error
    return config.lock()


def _train(study: ConfigDict, name: str, workdir: Path) -> None:
    """Trains a run to its end, after the run that it starts from."""
    if name not in study.runs:
        raise unknown_name("run of the study", name, study.runs)
    config = experiment(study, study.runs[name]).unlock()
    if config.init_from in study.runs:
        _train(study, config.init_from, workdir)
        config.init_from = str(_folder(workdir, config.init_from))
    if config.data.path == DEAD_LEAVES:
        config.data.path = str(workdir / "data" / DEAD_LEAVES)
        write_dead_leaves(config.data.path, PICTURES, config.data.image_size)
    if (_folder(workdir, name) / "checkpoints" / str(config.total_steps)).is_dir():
        return
    print(f"training {name}", flush=True)
    train(config.lock(), _folder(workdir, name))


def _evaluate(
    study: ConfigDict, condition: str, checkpoints: Mapping[str, str], folder: Path
) -> Results:
    if not (folder / "report.html").exists():
        print(f"evaluating {condition}", flush=True)
        results, examples = compare(experiment(study, study.conditions[condition]), checkpoints)
        write_results(folder, results, examples)
        write_report(folder / "report.html", results, examples)
    return read_results(folder)


def _probe(study: ConfigDict, workdir: Path) -> str:
    """The study of what the encoders know."""
    config = experiment(study, study.probe)
    encoders = {"untrained": untrained(config)}
    encoders |= {name: load_params(_folder(workdir, name)) for name in study.compared}
    rows = probe(config, encoders)
    return _write(study, rows, table(rows) + "\n", workdir)


def _write(study: ConfigDict, rows: list[dict[str, Any]], table: str, workdir: Path) -> str:
    (workdir / "study.json").write_text(json.dumps(rows, indent=1) + "\n")
    text = f"{study.about}\n\n{table}"
    (workdir / "study.md").write_text(text)
    reports = (
        {} if "probe" in study else {of: f"evaluation/{of}/report.html" for of in study.conditions}
    )
    write_study_page(workdir / "study.html", study.about, rows, reports)
    return text


def _folder(workdir: Path, run: str) -> Path:
    return workdir / "runs" / run


def _summary(results: Results, method: str) -> dict[str, Any]:
    """Means over the tasks of one method; the interval is of the gain, drawing tasks again."""
    rows = [row for row in results["rows"] if row["method"] == method]
    above = np.array(list(gains(results["rows"], method).values()))
    low, high = bootstrap_interval(above, [str(i) for i in range(len(above))])
    return {
        "method": method,
        **{name: float(np.mean([row[name] for row in rows])) for name in ("psnr", "ssim", "nmse")},
        "gain": float(above.mean()),
        "gain_low": low,
        "gain_high": high,
        "tasks": len(rows),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| condition | method | PSNR (dB) | SSIM | NMSE | above zero-filled (dB) |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = (
            "" if row["gain_low"] is None else f" ({row['gain_low']:.2f}-{row['gain_high']:.2f})"
        )
        gain = "" if row["method"] == "zero_filled" else f"{row['gain']:.2f}{spread}"
        lines.append(
            f"| {row['condition']} | {row['method']} | {row['psnr']:.2f} | {row['ssim']:.4f} "
            f"| {row['nmse']:.4f} | {gain} |"
        )
    return "\n".join(lines) + "\n"
