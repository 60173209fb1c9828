"""A folder of PNG, JPEG or TIFF pictures, read as gray."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mript_jax.data.readers.files import list_files
from mript_jax.data.records import BrokenRecord, Record

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MOST_PIXELS = 64_000_000  # a larger one is taken for a decompression bomb


class ImageFolderSource:
    """Each picture is a volume of its own, named by its path in the folder."""

    def __init__(self, path: str):
        files = list_files(path, SUFFIXES)
        root = Path(path) if Path(path).is_dir() else Path(path).parent
        self._root = root
        self.groups = [str(file.relative_to(root)) for file in files]

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> Record:
        name = self.groups[index]
        return Record(read_gray(self._root / name), name, 0)


def read_gray(path: Path) -> np.ndarray:
    """[H, W] float32, 0 to 255 for 8-bit pictures."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise BrokenRecord(
                    str(path), f"{picture.width} x {picture.height} pixels are too many"
                )
            if picture.mode not in ("L", "I;16", "I", "F"):
                picture = picture.convert("L")
            return np.asarray(picture, np.float32)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise BrokenRecord(str(path), f"cannot be read as a picture: {error}") from error
