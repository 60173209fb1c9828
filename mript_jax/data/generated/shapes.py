"""Label images [H, W] int32 of generated objects: which region each pixel belongs to.

Drawn by Pillow, whose shapes cost microseconds. Label 0 is the background.
"""

import numpy as np

from mript_jax.data.phantom.fields import Fields

LETTER = 3, 5  # columns and rows of points between which a letter's strokes run


def leaves(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Ellipses, boxes and polygons that hide each other, with the spectrum of natural images."""
    canvas = _Canvas(shape)
    count = rng.integers(30, 250)
    smallest, largest = 0.012, rng.uniform(0.15, 0.5)
    radii = rng.uniform(largest**-2, smallest**-2, count) ** -0.5  # density as radius ** -3
    # The largest few, which that density rarely draws, cover the rest.
    radii[: count // 10] = rng.uniform(largest / 4, largest, count // 10)
    for label, radius in enumerate(radii, 1):
        center = rng.uniform(-0.1, 1.1, 2)
        canvas.blob(center, radius, rng.uniform(0.4, 1.0), rng=rng, label=label)
    return canvas.labels()


def ellipses(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A body in air, with ellipses in it, around each other and side by side."""
    canvas = _Canvas(shape)
    middle, size = rng.normal(0.5, 0.03, 2), rng.uniform(0.3, 0.48)
    flatness, angle = rng.uniform(0.65, 1.0), rng.uniform(0, np.pi)
    for label in range(1, rng.integers(2, 5)):  # skin, fat, bone
        canvas.ellipse(middle, size, flatness, angle, label=label)
        size -= rng.uniform(0.01, 0.05)
    for label in range(5, rng.integers(15, 80)):
        radius = size * rng.uniform(0.02, 0.5) ** rng.uniform(1.0, 2.0)
        far, turn = (size - radius) * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        center = middle + flatness * far * np.array([np.cos(turn), np.sin(turn)])
        canvas.ellipse(center, radius, rng.uniform(0.3, 1.0), rng.uniform(0, np.pi), label=label)
    return canvas.labels()


def strokes(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Letters, lines, arcs and combs over a few blobs: fine structure."""
    canvas = _Canvas(shape)
    for label in range(1, rng.integers(3, 12)):
        canvas.blob(rng.uniform(0, 1, 2), rng.uniform(0.1, 0.45), 0.8, rng=rng, label=label)
    for label in range(20, rng.integers(30, 90)):
        (canvas.text, canvas.line, canvas.arc, canvas.comb)[rng.integers(4)](rng, label)
    return canvas.labels()


def regions(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Where which of some random fields is the largest: borders of every curvature."""
    fields = Fields(shape, rng, 0.0)
    slope, high = rng.uniform(0.0, 1.5), rng.uniform(3.0, 16.0)
    stack = [fields.draw(0.5, high, slope) for _ in range(rng.integers(2, 8))]
    return np.argmax(stack, axis=0).astype(np.int32)


def folds(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Ribbons along a folded border, in fluid, in a body of rings: as a cortex in its skull."""
    fields = Fields(shape, rng, 0.0)
    radii, center = rng.uniform(0.55, 0.95, 2), rng.normal(0.0, 0.05, 2)
    turn = rng.uniform(0, np.pi)
    x, y = fields.x - center[0], fields.y - center[1]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    outside = np.hypot(along / radii[0], across / radii[1])  # 1 at the skin
    outside = outside + rng.uniform(0.0, 0.05) * fields.draw(0.5, 3.0, 1.0)
    rings = 1.0 - np.cumsum(rng.uniform(0.015, 0.06, rng.integers(1, 4)))  # skin, fat, bone
    labels = np.sum([outside < edge for edge in (1.0, *rings)], axis=0).astype(np.int32)
    highest = rng.uniform(4.0, 14.0)
    folded = fields.draw(rng.uniform(0.5, 2.0), highest, rng.uniform(0.2, 1.0))
    border = (rings[-1] - outside) * rng.uniform(2.0, 8.0) + rng.uniform(0.4, 1.2) * (folded - 0.4)
    steep = np.hypot(*np.gradient(border, fields.pixel))
    inside = border / np.maximum(steep, 0.5)  # the distance to the border, nearly
    ribbons = np.cumsum(rng.uniform(0.015, 0.07, rng.integers(1, 3)))
    depth = np.sum([inside > edge for edge in (0.0, *ribbons)], axis=0).astype(np.int32)
    fluid = labels == len(rings) + 1
    labels[fluid] += depth[fluid]
    core = fluid & (depth == len(ribbons) + 1)
    nuclei = np.floor(rng.uniform(1.0, 3.0) * np.abs(fields.draw(0.5, 3.0, 1.0))).astype(np.int32)
    labels[core] += np.minimum(nuclei, 4)[core]
    return labels


SHAPES = {
    "leaves": leaves,
    "ellipses": ellipses,
    "strokes": strokes,
    "regions": regions,
    "folds": folds,
}


class _Canvas:
    """Positions and lengths are shares of the shorter side."""

    def __init__(self, shape: tuple[int, int]):
        self._side = min(shape)
        from PIL import Image, ImageDraw  # here: a config is read without Pillow, too

        self._image = Image.new("I", shape[::-1], 0)
        self._draw = ImageDraw.Draw(self._image)

    def labels(self) -> np.ndarray:
        return np.asarray(self._image)

    def ellipse(
        self, center: np.ndarray, radius: float, flatness: float, angle: float, label: int
    ) -> None:
        turn = np.linspace(0, 2 * np.pi, 12 + int(radius * self._side), endpoint=False)
        self._polygon(
            center, radius * np.exp(1j * turn), flatness=flatness, angle=angle, label=label
        )

    def blob(
        self,
        center: np.ndarray,
        radius: float,
        flatness: float,
        rng: np.random.Generator,
        label: int,
    ) -> None:
        """An ellipse, a box or a polygon."""
        corners = (0, 4, rng.integers(3, 9))[rng.integers(3)]
        angle = rng.uniform(0, np.pi)
        if not corners:
            return self.ellipse(center, radius, flatness, angle, label=label)
        turn = 2 * np.pi * (np.arange(corners) + 0.5) / corners
        size = radius if corners == 4 else radius * rng.uniform(0.5, 1.0, corners)
        return self._polygon(
            center, size * np.exp(1j * turn), flatness=flatness, angle=angle, label=label
        )

    def text(self, rng: np.random.Generator, label: int) -> None:
        """A word of an unknown script."""
        size = self._side * rng.uniform(0.01, 0.05)  # between two points
        place, width = self._side * rng.uniform(-0.1, 0.9, 2), max(1, round(size / 2))
        for _ in range(rng.integers(1, 8)):
            points = place + size * rng.integers(LETTER, size=(rng.integers(3, 7), 2))
            self._draw.line(points.ravel().tolist(), label, width)
            place[0] += size * (LETTER[0] + 1)

    def line(self, rng: np.random.Generator, label: int) -> None:
        steps = rng.normal(0, 0.15, (rng.integers(2, 7), 2)).cumsum(axis=0)
        points = self._side * (steps + rng.uniform(0, 1, 2))
        self._draw.line(points.ravel().tolist(), label, self._width(rng), "curve")

    def arc(self, rng: np.random.Generator, label: int) -> None:
        center, radius = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.4)
        box = self._side * np.concatenate([center - radius, center + radius])
        start = rng.uniform(0, 360)
        end = start + rng.uniform(40, 360)
        self._draw.arc(box.tolist(), start, end, fill=label, width=self._width(rng))

    def comb(self, rng: np.random.Generator, label: int) -> None:
        """Parallel bars, as of a resolution phantom."""
        width, length = rng.uniform(0.01, 0.03), rng.uniform(0.05, 0.3)
        start, along = rng.uniform(0, 1, 2), np.exp(1j * rng.uniform(0, np.pi))
        for i in range(rng.integers(3, 9)):
            bar = np.array([0, length, length + 1j * width, 1j * width]) + 2j * i * width
            self._polygon(start, bar * along, flatness=1.0, angle=0.0, label=label)

    def _width(self, rng: np.random.Generator) -> int:
        return max(1, round(self._side * rng.uniform(0.004, 0.03)))

    def _polygon(
        self, center: np.ndarray, corners: np.ndarray, flatness: float, angle: float, label: int
    ) -> None:
        points = (corners.real + 1j * flatness * corners.imag) * np.exp(1j * angle)
        points = self._side * np.stack([center[0] + points.real, center[1] + points.imag], axis=-1)
        self._draw.polygon(points.ravel().tolist(), label)
