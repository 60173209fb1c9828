"""Charts as inline SVG; colours come from the page's CSS, so that they follow its theme."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mript_jax.evaluation.results import FORMATS

Row = Mapping[str, Any]

WIDTH, HEIGHT = 330, 230
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 26, 34  # margins of the plot
STYLES = 6  # line colours in report.css
BASELINE = "zero_filled"  # has a style of its own, whatever its place


def curves(rows: Sequence[Row], metric: str, methods: Sequence[str]) -> str:
    """A metric over acceleration: one panel for each pattern, one line for each method."""
    patterns = list(dict.fromkeys(row["pattern"] for row in rows))
    ends = [row.get(f"{metric}_{end}") for row in rows for end in ("low", "high")]
    low, high = _widen(*_range([row[metric] for row in rows] + [e for e in ends if e is not None]))
    xs = sorted({row["acceleration"] for row in rows})
    panels = []
    for pattern in patterns:
        of_pattern = [row for row in rows if row["pattern"] == pattern]
        panels.append(_panel(pattern, of_pattern, metric, methods, xs, (low, high)))
    return f'<div class="panels">{"".join(panels)}</div>'


def style(method: str, number: int) -> str:
    """The CSS class of a method's colour and line."""
    return "m-baseline" if method == BASELINE else f"m{number % STYLES}"


def _panel(
    title: str,
    rows: Sequence[Row],
    metric: str,
    methods: Sequence[str],
    xs: Sequence[float],
    limits: tuple[float, float],
) -> str:
    x = _axis(*_widen(xs[0], xs[-1], 0.04), LEFT, WIDTH - RIGHT)
    y = _axis(*limits, HEIGHT - BOTTOM, TOP)
    parts = [f'<text class="title" x="{LEFT}" y="15">{escape(title.replace("_", " "))}</text>']
    for value in _ticks(*limits):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value)}" y2="{y(value)}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{y(value)}" dy=".32em" text-anchor="end">'
            f"{value:g}</text>"
        )
    for value in xs:
        parts.append(
            f'<text class="tick" x="{x(value)}" y="{HEIGHT - BOTTOM + 16}" '
            f'text-anchor="middle">{value:g}×</text>'
        )
    for i, method in enumerate(methods):
        line = sorted((r for r in rows if r["method"] == method), key=lambda r: r["acceleration"])
        if line:
            parts.append(_line(line, metric, method, style(method, i), x, y))
    name = f"{metric.upper()} over acceleration, {title.replace('_', ' ')}"
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(name)}">{"".join(parts)}</svg>'
    )


def _line(rows: Sequence[Row], metric: str, method: str, look: str, x: Any, y: Any) -> str:
    """A method's band of intervals, its line, and its points with their figures as tooltips."""
    points = [(x(row["acceleration"]), y(row[metric])) for row in rows]
    band = ""
    if len(rows) > 1 and all(row.get(f"{metric}_low") is not None for row in rows):
        upper = [(x(row["acceleration"]), y(row[f"{metric}_high"])) for row in rows]
        lower = [(x(row["acceleration"]), y(row[f"{metric}_low"])) for row in rows]
        band = f'<polygon class="band" points="{_join(upper + lower[::-1])}"/>'
    dots = []
    for row, (px, py) in zip(rows, points, strict=True):
        text = (
            f"{method}, {row['pattern']} {row['acceleration']:g}× "
            f"(true {row['true_acceleration']:.2f}×): "
            f"{metric.upper()} {FORMATS[metric].format(row[metric])}"
        )
        if row.get(f"{metric}_low") is not None:
            ends = [FORMATS[metric].format(row[f"{metric}_{end}"]) for end in ("low", "high")]
            text += f" [{ends[0]}, {ends[1]}]"
        dots.append(f'<circle cx="{px}" cy="{py}" r="3.2"><title>{escape(text)}</title></circle>')
    return f'<g class="{look}">{band}<polyline points="{_join(points)}"/>{"".join(dots)}</g>'


def _axis(low: float, high: float, start: float, end: float) -> Any:
    def position(value: float) -> float:
        return round(start + (end - start) * (value - low) / (high - low), 1)

    return position


def _range(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _widen(low: float, high: float, part: float = 0.06) -> tuple[float, float]:
    """A little room on both sides, also where there is one value only."""
    room = (high - low) * part or max(abs(high) * part, 1e-3)
    return low - room, high + room


def _ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers between low and high."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first = math.ceil(low / step)
    return [round(k * step, 10) for k in range(first, math.floor(high / step) + 1)]


def _join(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{px},{py}" for px, py in points)
