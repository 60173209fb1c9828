"""Smooth noise as pictures: the spectrum of photographs, but neither edges nor objects."""

from pathlib import Path

import numpy as np
from PIL import Image

from mript_jax.data.phantom.fields import Fields


def write_random_fields(folder: str | Path, count: int, size: int, seed: int = 0) -> None:
    """Writes `count` PNG files of smooth noise: the spectrum of photographs, without an edge."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        path = folder / f"field_{size}_{i:05d}.png"
        if not path.exists():
            fields = Fields((size, size), np.random.default_rng([seed, i]), 0.0)
            field = fields.draw(0.5, size / 4, 1.0)
            picture = 255 * (field - field.min()) / np.ptp(field)
            Image.fromarray(picture.astype(np.uint8)).save(path)
