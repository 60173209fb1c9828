"""Charts as inline SVG; colors come from charts.css, so that they follow the page's theme."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from mript_jax.evaluation.evaluate import BASELINE
from mript_jax.evaluation.results import FORMATS

Row = Mapping[str, Any]

WIDTH, HEIGHT = 330, 230
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 26, 46  # margins of the plot
STYLES = 6  # line colors in charts.css
AXES = {  # what a metric is measured in, as its axis names it
    "psnr": "PSNR (dB)",
    "ssim": "SSIM (1: identical)",
    "nmse": "NMSE (share of the signal's energy)",
    "hfen": "HFEN (share of the edges' energy)",
    "sharpness": "Sharpness (1: the reference's)",
}
ACCELERATION = "acceleration (fully sampled / sampled)"


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    y: float
    low: float | None  # of its interval
    high: float | None
    tooltip: str


def curves(rows: Sequence[Row], metric: str, methods: Sequence[str]) -> str:
    """A metric over acceleration: one panel for each pattern, one line for each method."""
    accelerations = sorted({row["acceleration"] for row in rows})
    panels: dict[str, dict[str, list[Point]]] = {}
    for row in sorted(rows, key=lambda row: row["acceleration"]):
        lines = panels.setdefault(row["pattern"], {})
        lines.setdefault(row["method"], []).append(_point(row, metric))
    ticks = {a: f"{a:g}×" for a in accelerations}
    return _panels(panels, methods, ticks, names=(ACCELERATION, AXES[metric]))


def spectra(rows: Sequence[Row], methods: Sequence[str]) -> str:
    """The relative error over the distance from the center of k-space, at a middle acceleration."""
    accelerations = sorted({row["acceleration"] for row in rows})
    middle = accelerations[(len(accelerations) - 1) // 2]
    panels: dict[str, dict[str, list[Point]]] = {}
    for row in rows:
        if row["acceleration"] == middle:
            lines = panels.setdefault(f"{row['pattern']} {middle:g}×", {})
            lines[row["method"]] = _spectrum(row)
    ticks = {0.0: "0: center", 0.5: "0.5", 1.0: "1: edge"}
    names = ("distance from the center of k-space", "error (share of the signal)")
    return _panels(panels, methods, ticks, names=names)


def over_slices(errors: Sequence[Mapping[str, float]], methods: Sequence[str]) -> str:
    """The errors of slices, by method, in the order given: one line for each method."""
    lines = {
        method: [
            Point(i, of[method], low=None, high=None, tooltip=f"{method}: {of[method]:.4f}")
            for i, of in enumerate(errors, 1)
        ]
        for method in methods
    }
    ticks = {float(i): str(i) for i in (1, len(errors))}
    names = ("held-out slice, in the order of the volumes", "error at held-out samples")
    return _panels({"": lines}, methods, ticks, names)


def legend(methods: Sequence[str]) -> str:
    """List items with the line of each method."""
    return "".join(
        f'<li class="{style(name, i)}"><svg viewBox="0 0 28 10" aria-hidden="true">'
        '<polyline points="1,5 27,5"/><circle cx="14" cy="5" r="3.2"/></svg>'
        f"{escape(name.replace('_', ' '))}</li>"
        for i, name in enumerate(methods)
    )


def style(method: str, number: int) -> str:
    """The CSS class of a method's color and line."""
    return "m-baseline" if method == BASELINE else f"m{number % STYLES}"


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, for the ticks of an axis."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first = math.ceil(low / step)
    return [round(k * step, 10) for k in range(first, math.floor(high / step) + 1)]


def _point(row: Row, metric: str) -> Point:
    text = FORMATS[metric].format
    low, high = (row.get(f"{metric}_{end}") for end in ("low", "high"))
    interval = "" if low is None else f" [{text(low)}, {text(high)}]"
    tooltip = (
        f"{row['method']}, {row['pattern']} {row['acceleration']:g}× "
        f"(true {row['true_acceleration']:.2f}×): {metric.upper()} {text(row[metric])}{interval}"
    )
    return Point(row["acceleration"], row[metric], low=low, high=high, tooltip=tooltip)


def _spectrum(row: Row) -> list[Point]:
    values = row["frequency_error"]
    return [
        Point(
            (k + 0.5) / len(values),
            value,
            low=None,
            high=None,
            tooltip=f"{row['method']}: {value:.3f}",
        )
        for k, value in enumerate(values)
    ]


def _panels(
    panels: Mapping[str, Mapping[str, Sequence[Point]]],
    methods: Sequence[str],
    x_ticks: Mapping[float, str],
    names: tuple[str, str],
) -> str:
    """Panels with the same axes, named `names`; `panels` maps titles to the methods' lines."""
    points = [point for lines in panels.values() for line in lines.values() for point in line]
    ends = [end for p in points for end in (p.y, p.low, p.high) if end is not None]
    limits = _widen(min(ends), max(ends))
    x = _axis(*_widen(min(x_ticks), max(x_ticks), 0.04), LEFT, WIDTH - RIGHT)
    y = _axis(*limits, HEIGHT - BOTTOM, TOP)
    axes = _axes(x_ticks, x, limits, y) + _axis_names(*names)
    charts = []
    for title, lines in panels.items():
        drawn = [
            _line(lines[method], style(method, i), x, y)
            for i, method in enumerate(methods)
            if method in lines
        ]
        words = escape(title.replace("_", " "))
        charts.append(
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(names[1])}, {words}">'
            f'<text class="title" x="{LEFT}" y="15">{words}</text>{axes}{"".join(drawn)}</svg>'
        )
    return f'<div class="panels">{"".join(charts)}</div>'


def _axes(
    x_ticks: Mapping[float, str],
    x: Callable[[float], float],
    limits: tuple[float, float],
    y: Callable[[float], float],
) -> str:
    lines = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value)}" y2="{y(value)}"/>'
        f'<text x="{LEFT - 6}" y="{y(value)}" dy=".32em" text-anchor="end">{value:g}</text>'
        for value in ticks(*limits)
    ]
    last = max(x_ticks)
    labels = [
        f'<text x="{x(value)}" y="{HEIGHT - BOTTOM + 16}" '
        f'text-anchor="{"end" if value == last and len(label) > 4 else "middle"}">{label}</text>'
        for value, label in x_ticks.items()
    ]
    return "".join(lines + labels)


def _axis_names(x_name: str, y_name: str) -> str:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return (
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">'
        f'{escape(x_name)}</text><text transform="translate(13 {middle}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_name)}</text>'
    )


def _line(
    line: Sequence[Point], look: str, x: Callable[[float], float], y: Callable[[float], float]
) -> str:
    """A method's band of intervals, its line, and its points with their figures as tooltips."""
    band = ""
    upper = [(x(p.x), y(p.high)) for p in line if p.high is not None]
    lower = [(x(p.x), y(p.low)) for p in reversed(line) if p.low is not None]
    if len(upper) == len(lower) == len(line) > 1:
        band = f'<polygon class="band" points="{_join(upper + lower)}"/>'
    dots = "".join(
        f'<circle cx="{x(p.x)}" cy="{y(p.y)}" r="3.2"><title>{escape(p.tooltip)}</title></circle>'
        for p in line
    )
    points = _join([(x(point.x), y(point.y)) for point in line])
    return f'<g class="{look}">{band}<polyline points="{points}"/>{dots}</g>'


def _axis(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    def position(value: float) -> float:
        return round(start + (end - start) * (value - low) / (high - low), 1)

    return position


def _widen(low: float, high: float, part: float = 0.06) -> tuple[float, float]:
    """A little room on both sides, also where there is one value only."""
    room = (high - low) * part or max(abs(high) * part, 1e-3)
    return low - room, high + room


def _join(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{px},{py}" for px, py in points)
