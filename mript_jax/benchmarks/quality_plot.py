"""Plot of quality against time: `quality_plot(points) -> SVG`."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 560, 360, 56
LABEL_WIDTH, LABEL_HEIGHT = 110, 15  # largest size of a model's name


def quality_plot(points: Sequence[tuple[str, float, float]]) -> str:
    """A dot for each (model, milliseconds, dB); time on a logarithmic axis."""
    times, values = [math.log10(p[1]) for p in points], [p[2] for p in points]
    ticks = [math.log10(m) + power for power in range(-3, 7) for m in (1, 2, 5)]
    left = max(tick for tick in ticks if tick <= min(times))
    right = min(tick for tick in ticks if tick > max(times))
    low, high = math.floor(min(values)) - 1, math.ceil(max(values)) + 1

    def place(time: float, value: float) -> tuple[float, float]:
        x = MARGIN + (time - left) / (right - left) * (WIDTH - 2 * MARGIN)
        return x, HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2 * MARGIN)

    parts = []
    for tick in ticks:
        if left <= tick <= right:
            x, y = place(tick, low)
            parts.append(f'<path d="M{x:.1f} {y:.1f}V{MARGIN}" stroke="#ddd"/>')
            parts.append(_text(x, y + 18, f"{10.0**tick:.3g}"))
    for value in range(low, high + 1):
        x, y = place(left, value)
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
        parts.append(_text(x - 18, y + 4, str(value)))
    labels: list[tuple[float, float]] = []
    dots = [(*place(time, p[2]), p[0]) for p, time in zip(points, times, strict=True)]
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#2060b0"/>' for x, y, _ in dots]
    for x, y, name in sorted(dots, key=lambda dot: dot[1]):
        # From the highest dot on, names move down until they do not overlap.
        below = [ly + LABEL_HEIGHT for lx, ly in labels if abs(lx - x) < LABEL_WIDTH]
        label = max([y + 4, *(end for end in below if end > y + 4)])
        labels.append((x, label))
        inside = x + LABEL_WIDTH < WIDTH
        parts.append(_text(x + (9 if inside else -9), label, name, "start" if inside else "end"))
    parts.append(_text(WIDTH / 2, HEIGHT - 12, "milliseconds for one image"))
    parts.append(_text(WIDTH / 2, 24, "mean PSNR (dB)"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
