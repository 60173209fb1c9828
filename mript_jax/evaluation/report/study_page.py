"""The page of a study: what it asked, gains with their intervals as a chart, and the table."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from mript_jax.evaluation.report.charts import BASELINE, style

Row = Mapping[str, Any]

WIDTH, LINE, LABELS, VALUES = 560, 24, 170, 60
PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$about</title>
<style>$style</style>
<div class="bar"><h1>$about</h1></div>
$chart
<section><h2>All figures</h2><div class="scroll">$table</div></section>
$links
</html>
""")


def write_study_page(
    path: str | Path, about: str, rows: Sequence[Row], reports: Mapping[str, str]
) -> None:
    """Writes study.html; `reports` maps conditions to the addresses of their reports.

    Rows that have a gain (`gain`, and its interval if they have one) are drawn too.
    """
    chart, links = "", ""
    if drawn := [row for row in rows if "gain" in row and row["method"] != BASELINE]:
        heading = "<h2>PSNR above zero-filled (dB)</h2>"
        hint = '<p class="hint">Bars are 95 % intervals over the tasks of one training.</p>'
        if all(row["gain_low"] is None for row in drawn):
            hint = ""
        chart = f"<section>{heading}{_chart(drawn)}{hint}</section>"
    if reports:
        items = (f'<li><a href="{escape(to)}">{_words(of)}</a></li>' for of, to in reports.items())
        links = f"<section><h2>Slices and pictures</h2><ul>{''.join(items)}</ul></section>"
    looks = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    fields = {"about": escape(about), "style": looks, "chart": chart, "links": links}
    page = PAGE.substitute(fields, table=_table(rows))
    Path(path).write_text(page, encoding="utf-8")


def _chart(rows: Sequence[Row]) -> str:
    """A line for each row: its gain as a dot, the interval as a bar."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    telling = [key for key in ("condition", "method") if len({row[key] for row in rows}) > 1]
    keys = ("gain", "gain_low", "gain_high")
    ends = [0.0, *(row[key] for row in rows for key in keys if row[key] is not None)]
    low, high = min(ends), max(ends)

    def x(gain: float) -> float:
        return LABELS + (gain - low) / (high - low or 1.0) * (WIDTH - LABELS - VALUES)

    height = LINE * (len(rows) + 1)
    parts = [f'<line class="grid" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{height - LINE}"/>']
    parts.append(f'<text x="{x(0):.1f}" y="{height - 8}" text-anchor="middle">0</text>')
    for number, row in enumerate(rows):
        y = LINE * (number + 0.5)
        look = style(row["method"], methods.index(row["method"]))
        name = ", ".join(row[key] for key in telling or ["method"])
        left, middle, right = (
            f"{x(row['gain'] if row[key] is None else row[key]):.1f}"
            for key in ("gain_low", "gain", "gain_high")
        )
        parts.append(
            f'<text x="{LABELS - 14}" y="{y}" dy=".32em" text-anchor="end">{_words(name)}</text>'
            f'<g class="{look}"><polyline points="{left},{y} {right},{y}"/>'
            f'<circle cx="{middle}" cy="{y}" r="5"/></g>'
            f'<text x="{right}" y="{y}" dx="12" dy=".32em">{row["gain"]:+.2f}</text>'
        )
    return (
        f'<svg class="chart wide" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="PSNR above zero-filled">{"".join(parts)}</svg>'
    )


def _table(rows: Sequence[Row]) -> str:
    names = list(rows[0])
    head = "".join(f"<th>{_words(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row[name])}</td>" for name in names) + "</tr>" for row in rows
    )
    return f'<table class="means"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else _words(str(value))


def _words(name: str) -> str:
    return escape(name.replace("_", " "))
