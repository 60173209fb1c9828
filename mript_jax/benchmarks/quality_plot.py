"""Quality against time as a picture: `quality_plot(points) -> SVG`."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 560, 360, 56


def quality_plot(points: Sequence[tuple[str, float, float]]) -> str:
    """A dot for each (model, milliseconds, dB); time on a logarithmic axis."""
    times, values = [math.log10(p[1]) for p in points], [p[2] for p in points]
    left, right = math.floor(min(times)), math.ceil(max(times) + 1e-6)
    low, high = math.floor(min(values)) - 1, math.ceil(max(values)) + 1

    def place(time: float, value: float) -> tuple[float, float]:
        x = MARGIN + (time - left) / (right - left) * (WIDTH - 2 * MARGIN)
        return x, HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2 * MARGIN)

    parts = []
    for power in range(left, right + 1):
        x, y = place(power, low)
        parts.append(f'<path d="M{x:.1f} {y:.1f}V{MARGIN}" stroke="#ddd"/>')
        parts.append(_text(x, y + 18, f"{10.0**power:g}"))
    for value in range(low, high + 1):
        x, y = place(left, value)
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
        parts.append(_text(x - 18, y + 4, str(value)))
    for (name, _, value), time in zip(points, times, strict=True):
        x, y = place(time, value)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#2060b0"/>')
        parts.append(_text(x, y - 10, name))
    parts.append(_text(WIDTH / 2, HEIGHT - 12, "milliseconds for one image"))
    parts.append(_text(WIDTH / 2, 24, "mean PSNR (dB)"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'
