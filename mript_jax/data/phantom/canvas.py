"""Painting tissues with soft edges: each shape is a function that is positive inside."""

import numpy as np

from mript_jax.data.phantom.fields import Fields
from mript_jax.data.phantom.tissues import TISSUES


class Canvas:
    """The signal of a slice and the labels of its tissues, painted one shape over the other."""

    def __init__(self, fields: Fields, signals: dict[str, float]):
        self.fields = fields
        self.signals = signals
        self.signal = np.zeros(fields.shape, np.float32)
        self.labels = np.zeros(fields.shape, np.uint8)
        self._texture = fields.draw(6, 56, slope=0.4)
        self._edge = 1.0 / (1.6 * fields.pixel)

    def paint(
        self, inside: np.ndarray, tissue: str, within: np.ndarray | None = None, gain: float = 1.0
    ) -> None:
        """Paints a tissue where `inside` is positive (in units of length), and `within` too."""
        cover = np.clip(inside * self._edge + 0.5, 0.0, 1.0)
        if within is not None:
            cover *= np.clip(within * self._edge + 0.5, 0.0, 1.0)
        about = TISSUES[tissue]
        value = gain * self.signals[tissue] * (1.0 + about.texture * self._texture)
        self.signal += cover * (value - self.signal)
        self.labels[cover > 0.5] = about.label


def ellipse(
    x: np.ndarray,
    y: np.ndarray,
    center: tuple[float, float],
    radii: tuple[float, float],
    angle: float = 0.0,
) -> np.ndarray:
    """Positive inside, about the distance to the edge."""
    dx, dy = x - center[0], y - center[1]
    if angle:
        c, s = np.cos(angle), np.sin(angle)
        dx, dy = c * dx + s * dy, c * dy - s * dx
    radius = np.sqrt((dx / radii[0]) ** 2 + (dy / radii[1]) ** 2)
    return (1.0 - radius) * min(radii)


def curve(field: np.ndarray, width: float) -> np.ndarray:
    """Positive on the thin band around a field's zero line; its width is in the field's units."""
    return width - np.abs(field)
