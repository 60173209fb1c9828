"""A folder of PNG, JPEG or TIFF pictures, read as gray."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin

from mript_jax.data.readers.base import Source
from mript_jax.data.readers.files import find_files, refuse_escape
from mript_jax.data.readers.limits import UNREADABLE, refuse_bomb
from mript_jax.data.readers.png import check_png
from mript_jax.data.records import BlankRecord, BrokenRecord, Record
from mript_jax.errors import unknown_name_error

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MOST_PIXELS = 64_000_000  # a larger one is taken for a decompression bomb
BITS, COMPRESSION, STRIP_BYTES, TILE_BYTES = 258, 259, 279, 325  # tags of TIFF
PLAIN_MODES = ("L", "F", "I", "I;16", "I;16B")  # one channel of numbers
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")  # whatever else Pillow would read, or hand to others


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
            _check(picture, path)
            if picture.mode in PLAIN_MODES:
                return np.asarray(picture).astype(np.float32)
            color = first_channel and picture.mode in ("RGB", "RGBA", "LA")
            gray = picture.getchannel(0) if color else picture.convert("L")
            return np.asarray(gray).astype(np.float32)
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        raise BrokenRecord(str(path), f"cannot be read as a picture: {error}") from error


def _check(picture: Image.Image, path: str | Path) -> None:
    """Refuses a picture by what its file says of it, before it is unpacked."""
    size, pixels = f"{picture.width} x {picture.height}", picture.width * picture.height
    if pixels > MOST_PIXELS:
        raise BrokenRecord(str(path), f"{size} pixels are more than {MOST_PIXELS}")
    pages = getattr(picture, "n_frames", 1)  # of formats that can have several
    if pages > 1:
        raise BrokenRecord(str(path), f"holds {pages} pages instead of one")
    refuse_bomb(4 * pixels * len(picture.getbands()), os.path.getsize(path))
    if picture.format == "PNG":
        check_png(Path(path).read_bytes())
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        _check_tiff(picture)


def _check_tiff(picture: TiffImagePlugin.TiffImageFile) -> None:
    """Refuses uncompressed strips that are not as long as the rows that they hold."""
    tags = picture.tag_v2
    if tags.get(COMPRESSION, 1) != 1 or TILE_BYTES in tags:
        return
    bits = sum(tags.get(BITS, (1,)))
    expected = picture.height * ((picture.width * bits + 7) // 8)
    found = sum(tags.get(STRIP_BYTES, ()))
    if found != expected:
        raise ValueError(f"its rows take {expected} bytes; it holds {found}")


def refuse_empty(image: np.ndarray, path: str | Path) -> None:
    """Refuses an image that holds no picture: all one value, or not all numbers."""
    smallest, largest = image.min(), image.max()
    if not np.isfinite(largest - smallest):
        raise BrokenRecord(str(path), "holds NaN or infinity")
    if smallest == largest:
        raise BlankRecord(str(path), f"is blank: every pixel is {largest:g}")
