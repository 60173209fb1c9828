"""The page of a study: what it asked, gains with their intervals as a chart, and the table."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from mript_jax.evaluation.evaluate import BASELINE
from mript_jax.evaluation.report.charts import style, ticks
from mript_jax.evaluation.report.layout import read, short_page, words

Row = Mapping[str, Any]

PLOT, LINE, VALUES, FOOT = 310, 24, 60, 40
LETTER, GAP = 7, 14  # of a name: its letters' width at most, and the gap before the plot
HEADS = {  # of columns, where the key is no heading
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "nmse": "NMSE",
    "gain": "above zero-filled (dB)",
    "gain_low": "range from",
    "gain_high": "to",
    "range": "what the range is",
}
BEST = {"psnr": max, "ssim": max, "nmse": min, "gain": max}
BODY = Template("""$found
$chart
$pictures
$paired
<section><h2>All figures</h2><div class="scroll">$table</div></section>
$links""")


def write_study_page(
    path: str | Path,
    about: str,
    rows: Sequence[Row],
    reports: Mapping[str, str],
    pictures: Mapping[str, str] | None = None,
    paired: Mapping[str, Sequence[Row]] | None = None,
) -> None:
    """Writes study.html; `reports` maps conditions to the addresses of their reports.

    Rows that have a gain (`gain`, and its interval if they have one) are drawn too. `pictures` maps
    conditions to the addresses of pictures of one slice: zero-filled, the other methods in the
    order of the rows, reference. `paired` maps headings to rows of differences on the same slices.
    """
    chart, links, found = "", "", ""
    if drawn := _drawn(rows):
        heading = "<h2>PSNR above zero-filled (dB)</h2>"
        bars = "95 % intervals over the tasks of one training"
        if any(row.get("seeds", 1) > 1 for row in drawn):
            bars += ", or from the least to the most of several trainings"
        hint = f'<p class="hint">Bars are {bars}.</p>'
        if all(row["gain_low"] is None for row in drawn):
            hint = ""
        chart = f"<section>{heading}{_chart(drawn)}{hint}</section>"
        found = f"<ul>{''.join(_outcomes(drawn))}</ul>"
    if reports:
        items = (f'<li><a href="{escape(to)}">{words(of)}</a></li>' for of, to in reports.items())
        links = f"<section><h2>Slices and pictures</h2><ul>{''.join(items)}</ul></section>"
    body = BODY.substitute(
        found=found,
        chart=chart,
        pictures=_pictures(rows, pictures or {}),
        paired=_paired(paired or {}),
        table=_table([_with_range(row) for row in rows]),
        links=links,
    )
    title = f"Study: {Path(path).absolute().parent.name.replace('_', ' ')}"
    Path(path).write_text(short_page(title, escape(about), body), encoding="utf-8")


def write_study_chart(path: str | Path, rows: Sequence[Row]) -> None:
    """Writes the page's chart as a picture by itself, if any row has a gain."""
    if drawn := _drawn(rows):
        alone = "svg { background: var(--surface); font-family: system-ui, sans-serif; }"
        looks = f"<style>{read('charts.css')}{alone}</style>"
        Path(path).write_text(_chart(drawn, looks) + "\n", encoding="utf-8")


def _drawn(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if "gain" in row and row["method"] != BASELINE]


def _outcomes(rows: Sequence[Row]) -> list[str]:
    """For each condition the best method, and those that are worse than zero-filling."""
    lines = []
    for condition in dict.fromkeys(row.get("condition", "") for row in rows):
        here = [row for row in rows if row.get("condition", "") == condition]
        best = max(here, key=lambda row: row["gain"])
        harm = [f"{words(r['method'])} ({r['gain']:+.2f} dB)" for r in here if r["gain"] < 0]
        worse = f"; worse than zero-filled: {', '.join(harm)}" if harm else ""
        lines.append(
            f"<li><b>{words(condition)}</b>: best is <b>{words(best['method'])}</b>, "
            f"{best['gain']:+.2f} dB above zero-filled{worse}.</li>"
        )
    return lines


def _pictures(rows: Sequence[Row], pictures: Mapping[str, str]) -> str:
    """One slice of each condition under every method."""
    figures = []
    for condition, address in pictures.items():
        here = [row["method"] for row in rows if row.get("condition") == condition]
        names = [BASELINE, *(name for name in here if name != BASELINE), "reference"]
        text = f"{condition}, from left: {', '.join(names)}"
        figures.append(
            f'<figure><figcaption>{words(text)}</figcaption><div class="scroll">'
            f'<img class="strip" src="{escape(address)}" alt="{words(text)}"></div></figure>'
        )
    if not figures:
        return ""
    return f"<section><h2>A typical slice under every method</h2>{''.join(figures)}</section>"


def _paired(tables: Mapping[str, Sequence[Row]]) -> str:
    """Differences on the same slices, a table for each condition."""
    if not tables:
        return ""
    parts = [
        f'<h3>{words(heading)}</h3><div class="scroll">{_table(rows)}</div>'
        for heading, rows in tables.items()
    ]
    hint = (
        "A task counts as better where the 95 % intervals of the differences in PSNR and in SSIM, "
        "from drawing volumes again (bootstrap), lie above 0. Least and most are over tasks."
    )
    return (
        f"<section><h2>Differences on the same slices</h2>{''.join(parts)}"
        f'<p class="hint">{hint}</p></section>'
    )


def _with_range(row: Row) -> Row:
    """The row with words for what its range is, where it has one."""
    if row.get("gain_low") is None:
        return {**row, "range": None} if "gain_low" in row else row
    seeds = row.get("seeds", 1)
    text = f"least to most of {seeds} trainings" if seeds > 1 else "95 % interval over tasks"
    return {**row, "range": text}


def _chart(rows: Sequence[Row], looks: str = "") -> str:
    """A line for each row: its gain as a dot, the interval as a bar."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    telling = [key for key in ("condition", "method") if len({row[key] for row in rows}) > 1]
    names = [", ".join(row[key] for key in telling or ["method"]) for row in rows]
    labels = LETTER * max(map(len, names)) + GAP
    width = labels + PLOT + VALUES
    keys = ("gain", "gain_low", "gain_high")
    ends = [0.0, *(row[key] for row in rows for key in keys if row[key] is not None)]
    low, high = min(ends), max(ends)

    def x(gain: float) -> float:
        return labels + (gain - low) / (high - low or 1.0) * PLOT

    bottom = LINE * len(rows)
    height = bottom + FOOT
    parts = [
        f'<line class="grid{"" if value else " zero"}" x1="{x(value):.1f}" x2="{x(value):.1f}" '
        f'y1="0" y2="{bottom}"/>'
        f'<text x="{x(value):.1f}" y="{bottom + 15}" text-anchor="middle">{value:g}</text>'
        for value in (ticks(low, high) if high > low else [0.0])
    ]
    parts.append(
        f'<text x="{labels + PLOT / 2}" y="{height - 8}" text-anchor="middle">'
        "PSNR above zero-filled (dB)</text>"
    )
    for number, (name, row) in enumerate(zip(names, rows, strict=True)):
        y = LINE * (number + 0.5)
        look = style(row["method"], methods.index(row["method"]))
        left, middle, right = (
            f"{x(row['gain'] if row[key] is None else row[key]):.1f}"
            for key in ("gain_low", "gain", "gain_high")
        )
        parts.append(
            f'<text x="{labels - GAP}" y="{y}" dy=".32em" text-anchor="end">{words(name)}</text>'
            f'<g class="{look}"><polyline points="{left},{y} {right},{y}"/>'
            f'<circle cx="{middle}" cy="{y}" r="5"/></g>'
            f'<text x="{right}" y="{y}" dx="12" dy=".32em">{row["gain"]:+.2f}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart wide" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="PSNR above zero-filled">{looks}{"".join(parts)}</svg>'
    )


def _table(rows: Sequence[Row]) -> str:
    """All rows; columns without a value are left out, the best of each condition is bold."""
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    head = "".join(f"<th>{HEADS.get(name, words(name))}</th>" for name in names)
    lines = []
    for row in rows:
        here = [other for other in rows if other.get("condition") == row.get("condition")]
        cells = []
        for name in names:
            best = name in BEST and row[name] == BEST[name](other[name] for other in here)
            text = _cell(row[name])
            cells.append(f"<td>{f'<b>{text}</b>' if best and len(here) > 1 else text}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    body = "".join(lines)
    return f'<table class="means"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else words(str(value))
