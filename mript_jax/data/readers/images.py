"""A folder of PNG, JPEG or TIFF pictures, read as gray."""

import os
import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from mript_jax.data.readers.base import Source
from mript_jax.data.readers.files import find_files, refuse_escape
from mript_jax.data.records import BlankRecord, BrokenRecord, Record
from mript_jax.errors import unknown_name_error

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MOST_PIXELS = 64_000_000  # a larger one is taken for a decompression bomb
PLAIN_MODES = ("L", "F", "I", "I;16", "I;16B")  # one channel of numbers
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")  # whatever else Pillow would read, or hand to others
MOST_PACKED = {"PNG": 1032, "BMP": 256}  # times that a format shrinks its pixels, at the most
UNREADABLE = (  # what Pillow raises where bytes are damaged
    *(OSError, EOFError, ValueError, TypeError, AttributeError, LookupError, RuntimeError),
    *(ArithmeticError, AssertionError, MemoryError, SyntaxError, struct.error, zlib.error),
    Image.DecompressionBombError,
)


def _by_file(name: str) -> str:
    return name


def _by_folder(name: str) -> str:
    return os.path.dirname(name) or "."


GROUPS = {"file": _by_file, "folder": _by_folder}


class ImageSource(Source):
    """Pictures as slices.

    group: what is one volume, never split: each "file", or the files of a "folder".
    """

    def __init__(self, path: str, group: str = "file"):
        if group not in GROUPS:
            raise unknown_name_error("group of images", group, GROUPS)
        self._root, self._names = find_files(path, SUFFIXES)
        super().__init__([GROUPS[group](name) for name in self._names])
        found: Counter[str] = Counter()
        self._numbers = []  # of each picture in its group
        for name in self.groups:
            self._numbers.append(found[name])
            found[name] += 1

    def __getitem__(self, index: int) -> Record:
        path = os.path.join(self._root, self._names[index])
        refuse_escape(self._root, path)
        image = read_gray(path)
        refuse_empty(image, path)
        return Record(image, self.groups[index], self._numbers[index])


def read_gray(path: str | Path, first_channel: bool = False) -> np.ndarray:
    """[H, W] float32, 0 to 255 for 8-bit pictures.

    Colors become their luminance, or with `first_channel` what MR-IPT takes of them.
    """
    try:
        with Image.open(path, formats=FORMATS) as picture:
            size, pixels = f"{picture.width} x {picture.height}", picture.width * picture.height
            if pixels > MOST_PIXELS:
                raise BrokenRecord(str(path), f"{size} pixels are more than {MOST_PIXELS}")
            ratio = 8 * MOST_PACKED.get(str(picture.format), MOST_PIXELS)  # pixels of one bit
            if pixels > ratio * os.path.getsize(path):
                raise BrokenRecord(str(path), f"holds less than its {size} pixels")
            pages = getattr(picture, "n_frames", 1)  # of formats that can have several
            if pages > 1:
                raise BrokenRecord(str(path), f"holds {pages} pages instead of one")
            if picture.mode in PLAIN_MODES:
                return np.asarray(picture).astype(np.float32)
            color = first_channel and picture.mode in ("RGB", "RGBA", "LA")
            gray = picture.getchannel(0) if color else picture.convert("L")
            return np.asarray(gray).astype(np.float32)
    except UNREADABLE as error:
        why = " ".join(str(error).split())
        raise BrokenRecord(str(path), f"cannot be read as a picture: {why}") from error


def refuse_empty(image: np.ndarray, path: str | Path) -> None:
    """Refuses an image that holds no picture: all one value, or not all numbers."""
    smallest, largest = image.min(), image.max()
    if not np.isfinite(largest - smallest):
        raise BrokenRecord(str(path), "holds NaN or infinity")
    if smallest == largest:
        raise BlankRecord(str(path), f"is blank: every pixel is {largest:g}")
