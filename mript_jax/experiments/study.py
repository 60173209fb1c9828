"""A study from start to report: trains its runs, compares them, writes a page and a table.

A study's config holds
  about       one sentence: what is compared
  experiment  the training config that all others follow
  tuning      where runs tune others: the config that these and the conditions follow
  runs        name -> its training config; `init_from` may be the name of another run
  checkpoints name -> what was trained elsewhere, such as a model that comes along (optional)
  compared    the names of the runs and checkpoints in the table; a variant's stands for its runs
  conditions  name -> the config that they are evaluated with
  optional    the names of conditions that are left out while their data.path is empty (optional)
  probe       instead of conditions: the config of linear heads that are put on the encoders
  baselines   methods without training that stand beside them, tuned on other slices (optional)
  seconds     training time of each run, compilation apart, instead of its total_steps: how many
              steps fit is measured on this machine before any trains, once for the runs of a
              variant; nothing else should run on it then (optional)
  variants    name -> its runs, which differ in their seed: the table has their means, and the one
              that `compared` begins with is set against each other one and the baselines, on the
              same slices (optional)

What follows another config has all of its fields (`config.derive_config`), so that each can be
changed for all, for what tunes, or for one run. Run again with the same folder, finished trainings
and evaluations are not repeated; a folder that holds some with other settings is refused.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from mript_jax.checkpoint import (
    fill_in_newer_fields,
    load_checkpoint_config,
    load_params,
    parse_config,
    saved_fields,
    write_config,
)
from mript_jax.config import config_hash, flatten_config
from mript_jax.data.generated_pictures import write_pictures
from mript_jax.errors import UserError
from mript_jax.evaluation.report import (
    save_typical_row,
    write_report,
    write_study_chart,
    write_study_page,
)
from mript_jax.evaluation.results import (
    Results,
    about_methods,
    gains,
    read_results,
    write_results,
)
from mript_jax.evaluation.summary import bootstrap_interval
from mript_jax.experiments.comparison import compare
from mript_jax.experiments.paired import paired_rows
from mript_jax.experiments.probe import probe, untrained
from mript_jax.experiments.study_plan import (
    baselines,
    compared,
    compared_variants,
    conditions_with_data,
    given_checkpoints,
    is_generated,
    needed_runs,
    resolved,
    variant_of,
    with_seeds_of,
)
from mript_jax.sizes import height_width
from mript_jax.text_table import markdown_table
from mript_jax.training.loop import train_to_end
from mript_jax.training.step_time import seconds_per_step

PICTURES = 600  # of each kind that data.path can name
# What may differ from a finished training: none of it changes the weights.
EXECUTION_ONLY_FIELDS = (
    *("checkpoint_every_steps", "keep_checkpoints", "log_every_steps", "evaluate_every_steps"),
    *("mesh", "compilation_cache", "wandb", "profile_steps", "evaluation.", "data.workers"),
)
PICTURE = "typical.png"  # of an evaluation: one slice under every method
EVALUATED = ("data.", "evaluation.")  # what of a config an evaluation depends on


def run_study(study: ConfigDict, workdir: str | Path) -> str:
    """Does what is left to do, writes study.html, .svg, .md and .json, and returns the table."""
    workdir = Path(workdir).absolute()
    runs = needed_runs(study)
    conditions = conditions_with_data(study)
    for name, config in runs.items():
        if "seconds" in study:
            config.total_steps = _steps_that_fit(study, name, config, workdir)
        _refuse_another_run(study, name, config, _folder(workdir, name))
    for name, config in conditions.items():
        _refuse_another_evaluation(name, config, _evaluation(workdir, name))
    for name, config in runs.items():
        _train(study, name, config, workdir)
    if "probe" in study:
        return _probe(study, workdir)
    given = given_checkpoints(study)
    checkpoints = {
        name: given[name] if name in given else str(_folder(workdir, name))
        for name in compared(study)
    }
    by_condition = {
        name: _evaluate(study, name, config, checkpoints, folder=_evaluation(workdir, name))
        for name, config in conditions.items()
    }
    variants = compared_variants(study)
    rows = [
        {"condition": condition, **_summary(results, name, runs)}
        for condition, results in by_condition.items()
        for name, runs in variants.items()
    ]
    paired = {}
    if "variants" in study:
        first = next(iter(variants))
        paired = {
            f"{name}: {first} against each, on the same slices": _paired(
                study, name, variants, workdir
            )
            for name in conditions
        }
    return _write(study, rows, _table(rows), workdir, paired=paired)


def _train(study: ConfigDict, name: str, config: ConfigDict, workdir: Path) -> None:
    """Trains a run to its end; the one that it starts from has been."""
    if (_folder(workdir, name) / "checkpoints" / str(config.total_steps)).is_dir():
        return
    if config.init_from in study.runs:
        config.init_from = str(_folder(workdir, config.init_from))
    if is_generated(config):
        folder = workdir / "data" / config.data.path
        side = max(height_width(config.data.image_size))
        write_pictures(folder, config.data.path, PICTURES, side)
        config.data.path = str(folder)
    print(f"training {name}", flush=True)
    train_to_end(config.lock(), _folder(workdir, name))


def _steps_that_fit(study: ConfigDict, name: str, config: ConfigDict, workdir: Path) -> int:
    """As many as fit into the study's seconds; measured once for the runs of a variant."""
    timed = variant_of(study).get(name, name)
    path = workdir / "steps" / f"{timed}.json"
    if not path.exists():
        print(f"timing {timed}", flush=True)
        step = seconds_per_step(config)
        steps = max(int(study.seconds / step), 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"total_steps": steps, "seconds_per_step": step}) + "\n")
    return json.loads(path.read_text())["total_steps"]


def _paired(
    study: ConfigDict, condition: str, variants: Mapping[str, Sequence[str]], workdir: Path
) -> list[dict[str, Any]]:
    """The first variant against all others, on the slices of a condition."""
    (_, ours), *others = variants.items()
    pairs = {
        name: (with_seeds_of(study, runs, ours), with_seeds_of(study, ours, runs))
        for name, runs in others
    }
    return paired_rows(_evaluation(workdir, condition) / "examples.csv", pairs)


def _evaluate(
    study: ConfigDict, name: str, config: ConfigDict, checkpoints: Mapping[str, str], folder: Path
) -> Results:
    if not _evaluated(checkpoints, folder):
        print(f"evaluating {name}", flush=True)
        results, examples = compare(config, checkpoints, baselines(study))
        folder.mkdir(parents=True, exist_ok=True)
        write_report(folder / "report.html", results, examples)
        shown = [runs[0] for runs in compared_variants(study).values()]
        save_typical_row(folder / PICTURE, examples, shown)
        write_results(folder, results, examples)
        write_config(folder, config)  # the last: it says that the others are there
    return read_results(folder)


def _evaluated(checkpoints: Mapping[str, str], folder: Path) -> bool:
    """Return True if results of all these trainings are there."""
    if not (folder / "config.json").exists():
        return False
    results = read_results(folder)
    about = about_methods(results)
    return all(
        name in about and about[name]["trained_with"] == config_hash(load_checkpoint_config(path))
        for name, path in checkpoints.items()
    )


def _refuse_another_run(study: ConfigDict, name: str, config: ConfigDict, folder: Path) -> None:
    try:
        saved = load_checkpoint_config(folder).unlock()
    except UserError:
        return  # there is no checkpoint yet
    # What a study names lies in its folder, which may have been moved since.
    if config.init_from in study.runs:
        saved.init_from = Path(saved.init_from).name
    if is_generated(config):
        saved.data.path = Path(saved.data.path).name
    before, now = saved_fields(saved), saved_fields(config)
    now = {f: v for f, v in now.items() if not f.startswith(EXECUTION_ONLY_FIELDS)}
    _refuse_difference(f"the run {name!r}", before, now)


def _refuse_another_evaluation(name: str, config: ConfigDict, folder: Path) -> None:
    if (folder / "config.json").exists():
        saved = parse_config((folder / "config.json").read_text())
        before = flatten_config(fill_in_newer_fields(saved))
        now = {f: v for f, v in saved_fields(config).items() if f.startswith(EVALUATED)}
        now.pop("data.workers")
        _refuse_difference(f"the evaluation {name!r}", before, now)


def _refuse_difference(what: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for field, value in now.items():
        if before.get(field) != value:
            raise UserError(
                f"{what} was made with {field}={before.get(field)!r}, and {value!r} is asked now; "
                "use another --workdir"
            )


def _probe(study: ConfigDict, workdir: Path) -> str:
    """The study of what the encoders know."""
    config = resolved(study.probe).lock()
    encoders = {"untrained": untrained(config)}
    encoders |= {name: load_params(_folder(workdir, name)) for name in compared(study)}
    rows = probe(config, encoders)
    return _write(study, rows, markdown_table(rows) + "\n", workdir)


def _write(
    study: ConfigDict,
    rows: list[dict[str, Any]],
    table: str,
    workdir: Path,
    paired: Mapping[str, list[dict[str, Any]]] | None = None,
) -> str:
    paired = paired or {}
    (workdir / "study.json").write_text(json.dumps(rows, indent=1) + "\n")
    text = f"{study.about}\n\n{table}"
    text += "".join(f"\n{head}\n\n{markdown_table(of)}\n" for head, of in paired.items())
    (workdir / "study.md").write_text(text)
    reports = {of: f"evaluation/{of}/report.html" for of in conditions_with_data(study)}
    pictures = {of: f"{Path(report).parent}/{PICTURE}" for of, report in reports.items()}
    pictures = {of: path for of, path in pictures.items() if (workdir / path).is_file()}
    page = workdir / "study.html"
    write_study_chart(workdir / "study.svg", rows)
    write_study_page(page, study.about, rows, reports, pictures=pictures, paired=paired)
    return text


def _folder(workdir: Path, run: str) -> Path:
    return workdir / "runs" / run


def _evaluation(workdir: Path, condition: str) -> Path:
    return workdir / "evaluation" / condition


def _summary(results: Results, name: str, runs: Sequence[str]) -> dict[str, Any]:
    """Means over the tasks and runs of a method.

    The interval is that of the gain: of one run drawing tasks again, of several from the least to
    the most.
    """
    rows = [row for row in results["rows"] if row["method"] in runs]
    above = [np.array(list(gains(results["rows"], run).values())) for run in runs]
    seeds = [float(of_one.mean()) for of_one in above]
    low, high = (
        (min(seeds), max(seeds))
        if len(runs) > 1
        else bootstrap_interval(above[0], [str(i) for i in range(len(above[0]))])
    )
    return {
        "method": name,
        **{key: float(np.mean([row[key] for row in rows])) for key in ("psnr", "ssim", "nmse")},
        "gain": float(np.mean(seeds)),
        "gain_low": low,
        "gain_high": high,
        "tasks": len(above[0]),
        "seeds": len(runs),
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
