"""results.json: rows with model, dataset and protocol; also as CSV, Markdown and LaTeX tables."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mript_jax.errors import UserError
from mript_jax.evaluation.paths import without_folders
from mript_jax.evaluation.protocols import get_protocol
from mript_jax.evaluation.summary import METRICS, MORE_METRICS

Results = dict[str, Any]
Row = Mapping[str, Any]

SAME = ("protocol", "split", "dataset")  # what rows must share to stand in one table
REQUIRED = ("model", *SAME, "rows")
ROUNDING = 1e-3  # in the figures of one method on one task
OF_METHOD = ("checkpoint", "weights_sha256", "trained_with", "training_seed", "scale", "unseen")
TASK = ("pattern", "acceleration", "center_fraction")
FORMATS = {
    "psnr": "{:.2f}",
    "ssim": "{:.4f}",
    "nmse": "{:.4f}",
    "hfen": "{:.3f}",
    "sharpness": "{:.3f}",
}
BEST = {"psnr": max, "ssim": max, "nmse": min}


def make_results(
    model: str, dataset: str, protocol: str, split: str, rows: Sequence[Row], **provenance: Any
) -> Results:
    """The content of results.json; `provenance` tells what made it (seed, checkpoint, ...).

    Of absolute paths the last parts are kept: results are published.
    """
    get_protocol(protocol)
    head = {"model": model, "dataset": dataset, "protocol": protocol, "split": split}
    return {**without_folders({**head, **provenance}), "rows": [dict(row) for row in rows]}


def write_results(folder: str | Path, results: Results, examples: Sequence[Any] = ()) -> None:
    """Writes results.json, .csv, .md and .tex into a folder, and examples.csv of the examples."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "json": json.dumps(results, indent=1, allow_nan=False) + "\n",
        "csv": csv_table(results),
        "md": markdown_table(results),
        "tex": latex_table(results),
    }
    for suffix, text in texts.items():
        (folder / f"results.{suffix}").write_text(text, encoding="utf-8")
    if examples:
        (folder / "examples.csv").write_text(examples_table(examples))


def read_results(path: str | Path) -> Results:
    """The results of a results.json, or of the one in a folder."""
    path = Path(path)
    path = path / "results.json" if path.is_dir() else path
    try:
        results = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"no results at {path}") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    missing = [key for key in REQUIRED if not isinstance(results, dict) or key not in results]
    if missing:
        raise UserError(f"{path} holds no results: it lacks {', '.join(missing)}")
    return without_folders(results)  # those of earlier versions have them


def merge_results(several: Sequence[Results]) -> Results:
    """One table of several; refused where protocol, split, dataset or the masks' seed differ."""
    first = several[0]
    for other in several[1:]:
        for key in (*SAME, "seed"):
            ours, theirs = first.get(key), other.get(key)
            if ours != theirs:
                raise UserError(
                    f"rows of {key} {ours!r} ({first['model']}) and {theirs!r} "
                    f"({other['model']}) cannot be compared"
                )
    models = list(dict.fromkeys(results["model"] for results in several))
    rows: dict[tuple, Row] = {}
    for results in several:
        for row in results["rows"]:
            place = (*(row[name] for name in TASK), row["method"])
            # The same slices by way of other fields differ by rounding.
            if place in rows and any(abs(rows[place][m] - row[m]) > ROUNDING for m in METRICS):
                raise UserError(
                    f"two different rows for {row['method']} on {row['pattern']} "
                    f"x{row['acceleration']:g}; rename one of the methods"
                )
            rows.setdefault(place, row)
    about = {name: told for results in several for name, told in about_methods(results).items()}
    head = {key: first[key] for key in first if key not in OF_METHOD}
    head |= {"model": " + ".join(models), "methods": about}
    return {**head, "rows": list(rows.values())}


def csv_table(results: Results) -> str:
    """One line a row, each saying its protocol, dataset, split and model; spectra left out."""
    head = {key: results[key] for key in ("protocol", "dataset", "split", "model")}
    names = [name for row in results["rows"] for name in row if name != "frequency_error"]
    names = list(dict.fromkeys(names))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*head, *names], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**head, **row} for row in results["rows"])
    return text.getvalue()


def examples_table(examples: Sequence[Any]) -> str:
    """One line for each slice, task and method: where paired tests and other intervals start."""
    names = [*TASK, "true_acceleration", "volume", "slice_index", "method"]
    names += [*METRICS, *MORE_METRICS]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for example in examples:
        about = {**vars(example.task), **vars(example)}
        for method, values in example.values.items():
            writer.writerow({**about, "method": method, **values})
    return text.getvalue()


def markdown_table(results: Results) -> str:
    """Tasks down, methods and metrics across, the best in bold."""
    header, lines = _cells(results, bold="**{}**".format)
    width = len(header)
    rows = [header, ["---"] * 2 + ["---:"] * (width - 2), *lines]
    return _caption(results) + "\n\n" + "\n".join(f"| {' | '.join(r)} |" for r in rows) + "\n"


def latex_table(results: Results) -> str:
    """A booktabs table, the best in bold."""
    header, lines = _cells(results, bold=r"\textbf{{{}}}".format)
    body = [" & ".join(map(_escape, cells)) + r" \\" for cells in (header, *lines)]
    return "\n".join(
        [
            "% " + _caption(results),
            rf"\begin{{tabular}}{{ll{'r' * (len(header) - 2)}}}",
            r"\toprule",
            body[0],
            r"\midrule",
            *body[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def by_task(rows: Sequence[Row]) -> dict[tuple, dict[str, Row]]:
    """(pattern, acceleration, center fraction) -> method -> row, in the order of the rows."""
    tasks: dict[tuple, dict[str, Row]] = {}
    for row in rows:
        tasks.setdefault(tuple(row[name] for name in TASK), {})[row["method"]] = row
    return tasks


def gains(
    rows: Sequence[Row], method: str, baseline: str = "zero_filled"
) -> dict[tuple[str, float], float]:
    """(pattern, acceleration) -> dB of PSNR that a method lies above the baseline."""
    return {
        (pattern, acceleration): of_task[method]["psnr"] - of_task[baseline]["psnr"]
        for (pattern, acceleration, _), of_task in by_task(rows).items()
        if method in of_task and baseline in of_task
    }


def scaled_by_reference(results: Results) -> list[str]:
    """The methods that were given slices divided by the reference's maximum, which a scanner
    does not know."""
    about = about_methods(results)
    return [name for name, told in about.items() if told.get("scale") == "target"]


def about_methods(results: Results) -> Mapping[str, Mapping[str, Any]]:
    """The provenance of each method, which results of one method hold beside their rows."""
    alone = {key: results[key] for key in OF_METHOD if key in results}
    return results.get("methods", {results["model"]: alone})


def _cells(results: Results, bold: Any) -> tuple[list[str], list[list[str]]]:
    methods = list(dict.fromkeys(row["method"] for row in results["rows"]))
    header = ["pattern", "acceleration"]
    header += [f"{method} {metric.upper()}" for metric in METRICS for method in methods]
    lines = []
    for (pattern, acceleration, _), of_task in by_task(results["rows"]).items():
        line = [pattern, f"{acceleration:g}"]
        for metric in METRICS:
            best = BEST[metric](row[metric] for row in of_task.values())
            for method in methods:
                value = of_task[method][metric] if method in of_task else None
                text = "" if value is None else FORMATS[metric].format(value)
                line.append(bold(text) if value == best and len(of_task) > 1 else text)
        lines.append(line)
    return header, lines


def _caption(results: Results) -> str:
    text = (
        f"Protocol {results['protocol']}, {results['dataset']}, split {results['split']}, "
        f"model {results['model']}"
    )
    counts = sorted({row["count"] for row in results["rows"]})
    text += f", n = {' or '.join(map(str, counts))}"
    text += "".join(
        f", {key.replace('_', ' ')} {results[key]}"
        for key in ("seed", "config_hash", "checkpoint")
        if key in results
    )
    knowing = scaled_by_reference(results)
    return text + (f". Scaled by the reference's maximum: {', '.join(knowing)}" if knowing else "")


def _escape(text: str) -> str:
    return text.replace("_", r"\_").replace("%", r"\%").replace("#", r"\#")
