"""The report's tables as HTML: the grid as a heat map, all rows, the volumes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from mript_jax.evaluation.evaluate import SliceResult
from mript_jax.evaluation.results import BEST, FORMATS, by_task
from mript_jax.evaluation.summary import METRICS, MORE_METRICS

Row = Mapping[str, Any]

_TRUE = ' class="true"'  # a column that phones leave out
MOST_VOLUMES = 60  # the worst ones get a section; more would not be looked at


def heat_map(
    values: Mapping[tuple[str, float], float], caption: str, signed: bool, span: Collection[float]
) -> str:
    """Pattern x acceleration -> value, in colors: gains around zero, or low to high.

    The colors reach over `span`, so that several maps can share them.
    """
    patterns = list(dict.fromkeys(pattern for pattern, _ in values))
    accelerations = sorted({acceleration for _, acceleration in values})
    low, high = min(span), max(span)
    most = max(abs(low), abs(high), 1e-9)
    head = "".join(f'<th scope="col">{a:g}×</th>' for a in accelerations)
    lines = []
    for pattern in patterns:
        cells = []
        for acceleration in accelerations:
            value = values.get((pattern, acceleration))
            if value is None:
                cells.append("<td>–</td>")
                continue
            share = abs(value) / most if signed else (value - low) / max(high - low, 1e-9)
            side = "bad" if signed and value < 0 else "good"
            text = f"{value:+.2f}" if signed else f"{value:.2f}"
            cells.append(
                f'<td class="{side}" style="--share:{100 * share:.0f}%">'
                f'<button type="button" data-pattern="{escape(pattern)}" '
                f'data-acceleration="{acceleration:g}">{text}</button></td>'
            )
        lines.append(f'<tr><th scope="row">{_words(pattern)}</th>{"".join(cells)}</tr>')
    return (
        f'<div class="scroll"><table class="heat"><caption>{escape(caption)}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def results_table(rows: Sequence[Row]) -> str:
    """Every row with deviations and intervals; the best of each task in bold."""
    heads = {"pattern": "", "R": "acceleration", "true R": "of the masks used", "method": ""}
    heads |= {metric.upper(): "" for metric in METRICS}
    more = [metric for metric in MORE_METRICS if has(rows, metric)]
    heads |= {metric.upper(): MORE_METRICS[metric] for metric in more} | {
        "count": "what the mean is over"
    }
    head = "".join(
        f'<th scope="col" aria-sort="none"{_TRUE if name == "true R" else ""}>'
        f'<button type="button" title="{title}">{name}</button></th>'
        for name, title in heads.items()
    )
    lines = []
    for of_task in by_task(rows).values():
        for row in of_task.values():
            cells = [
                f"<td>{_words(row['pattern'])}</td><td>{row['acceleration']:g}×</td>",
                f"<td{_TRUE}>{row['true_acceleration']:.2f}×</td><td>{_words(row['method'])}</td>",
            ]
            for metric in METRICS:
                best = BEST[metric](other[metric] for other in of_task.values())
                cells.append(_figure(row, metric, row[metric] == best and len(of_task) > 1))
            cells += [f"<td>{FORMATS[m].format(row[m])}</td>" for m in more]
            cells.append(f"<td>{row['count']}</td>")
            lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        '<div class="tall"><table class="rows" id="rows"><thead><tr>'
        f"{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def volume_sections(
    examples: Sequence[SliceResult], methods: Sequence[str], main: str, baseline: str | None
) -> str:
    """A section for each volume, the one with the lowest PSNR first."""
    volumes: dict[str, list[SliceResult]] = {}
    for example in examples:
        volumes.setdefault(example.volume, []).append(example)
    order = sorted(volumes, key=lambda name: _mean(volumes[name], main, "psnr"))
    sections = [
        _volume(name, volumes[name], methods, main=main, baseline=baseline)
        for name in order[:MOST_VOLUMES]
    ]
    left = len(order) - len(sections)
    if left:
        sections.append(f"<p>{left} better ones are in examples.csv.</p>")
    return "".join(sections)


def has(rows: Sequence[Row], metric: str) -> bool:
    """Return True if all rows have a metric: results of others may hold the main ones only."""
    return all(metric in row for row in rows)


def _volume(
    name: str,
    examples: Sequence[SliceResult],
    methods: Sequence[str],
    main: str,
    baseline: str | None,
) -> str:
    slices = len({example.slice_index for example in examples})
    gain = ""
    if baseline:
        difference = _mean(examples, main, "psnr") - _mean(examples, baseline, "psnr")
        gain = f'<span class="gain">{difference:+.2f} dB over {_words(baseline)}</span>'
    lines = "".join(
        f'<tr><th scope="row">{escape(method)}</th>'
        + "".join(
            f"<td>{FORMATS[metric].format(_mean(examples, method, metric))}</td>"
            for metric in METRICS
        )
        + "</tr>"
        for method in methods
    )
    heads = "".join(f'<th scope="col">{metric.upper()}</th>' for metric in METRICS)
    tasks: dict[tuple[str, float], list[SliceResult]] = {}
    for example in examples:
        tasks.setdefault((example.task.pattern, example.task.acceleration), []).append(example)
    means = {task: _mean(of_task, main, "psnr") for task, of_task in tasks.items()}
    grid = heat_map(means, f"PSNR (dB) of {main} by task", signed=False, span=means.values())
    return (
        f'<details class="volume" data-volume="{escape(name)}"><summary>'
        f'<span class="name">{escape(name)}</span>'
        f'<span class="psnr">{_mean(examples, main, "psnr"):.2f} dB</span>{gain}'
        f'<span class="slices">{slices} slice{"s" if slices > 1 else ""}</span></summary>'
        f'<div class="volume-body"><div class="scroll"><table class="means">'
        f"<caption>means over its slices and tasks</caption>"
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{lines}</tbody></table></div>{grid}"
        f'<div class="volume-cases"></div></div></details>'
    )


def _figure(row: Row, metric: str, best: bool) -> str:
    text = FORMATS[metric].format
    spread = f"±{text(row[f'{metric}_std'])}"
    if row.get(f"{metric}_low") is not None:
        spread += f" [{text(row[f'{metric}_low'])}, {text(row[f'{metric}_high'])}]"
    value = text(row[metric])
    shown = f"<b>{value}</b>" if best else value
    return f'<td data-value="{row[metric]}">{shown}<small>{spread}</small></td>'


def _mean(examples: Iterable[SliceResult], method: str, metric: str) -> float:
    return float(np.mean([example.values[method][metric] for example in examples]))


def _words(name: str) -> str:
    return escape(name.replace("_", " "))
