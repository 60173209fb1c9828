"""A contact sheet: slices spread over a dataset, at a glance."""

import numpy as np
from PIL import Image

from mript_jax.data.readers.base import Source
from mript_jax.data.records import Record
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c


def contact_sheet(source: Source, rows: int = 4, columns: int = 6, size: int = 192) -> Image.Image:
    """Slices of a source, each scaled to its own brightness."""
    sheet = Image.new("L", (columns * size, rows * size))
    chosen = np.linspace(0, len(source) - 1, min(rows * columns, len(source))).astype(int)
    for position, index in enumerate(chosen):
        image = _image(source[int(index)])
        bright = max(float(np.percentile(image, 99.7)), 1e-12)
        picture = Image.fromarray((255 * np.clip(image / bright, 0, 1)).astype(np.uint8))
        picture.thumbnail((size, size))
        row, column = divmod(position, columns)
        left = column * size + (size - picture.width) // 2
        top = row * size + (size - picture.height) // 2
        sheet.paste(picture, (left, top))
    return sheet


def _image(record: Record) -> np.ndarray:
    if record.image is None:
        assert record.kspace is not None  # a record has at least one of them
        return root_sum_of_squares(ifft2c(record.kspace), axis=0)
    return record.image
