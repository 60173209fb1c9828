"""Pictures that need no download, to pretrain on in studies: each a kind of its own."""

from pathlib import Path

import numpy as np
from PIL import Image

from mript_jax.data.phantom.fields import Fields

DISCS = 300
RADII = 0.01, 0.4  # smallest and largest, of the picture's side


def dead_leaves(size: int, rng: np.random.Generator) -> np.ndarray:
    """Discs that hide each other, [size, size] between 0 and 1: edges and scales as in photographs.

    Radii follow a power law, which gives the 1/f spectrum of natural images (Lee et al., 2001).
    """
    y, x = np.mgrid[:size, :size] / size
    image = np.full((size, size), rng.random(), np.float32)
    low, high = (r**-2.0 for r in RADII)
    for _ in range(DISCS):
        radius = rng.uniform(high, low) ** -0.5  # density proportional to radius**-3
        row, column = rng.uniform(-0.1, 1.1, 2)
        shade = rng.random() + 0.3 * rng.normal() * (x - column)  # lit from a side
        inside = (y - row) ** 2 + (x - column) ** 2 < radius**2
        image = np.where(inside, shade, image)
    return np.clip(image, 0, 1)


def random_field(size: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise, [size, size] from 0 to 1: the spectrum of photographs, without an edge."""
    field = Fields((size, size), rng, 0.0).draw(0.5, size / 4, 1.0)
    return (field - field.min()) / np.ptp(field)


KINDS = {"dead_leaves": dead_leaves, "random_fields": random_field}


def write_pictures(folder: str | Path, kind: str, count: int, size: int, seed: int = 0) -> None:
    """Writes `count` PNG files of a kind, those that are not there yet."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        path = folder / f"{kind}_{size}_{i:05d}.png"
        if not path.exists():
            picture = KINDS[kind](size, np.random.default_rng([seed, i]))
            Image.fromarray((255 * picture).astype(np.uint8)).save(path)
