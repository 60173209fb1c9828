"""Zip files from anywhere: entries are read only if they can be as large as they claim."""

import math
import zipfile
from pathlib import Path

import numpy as np

MOST_COMPRESSED = 1100  # times; deflate reaches 1032
HEADERS = {  # version of an array's format -> what reads its header
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def refuse_bomb(archive: zipfile.ZipFile) -> None:
    """Raise a ValueError if an entry claims a size that its compressed bytes cannot have."""
    for entry in archive.infolist():
        if entry.file_size > MOST_COMPRESSED * entry.compress_size + 64:
            raise ValueError(
                f"{entry.filename} claims {entry.file_size} bytes in {entry.compress_size} "
                "compressed ones"
            )


def read_npz(path: str | Path, kinds: str = "biuf") -> dict[str, np.ndarray]:
    """The arrays of an .npz file, of these kinds of dtypes; of a damaged one errors of all kinds.

    np.load takes the memory that a header claims, whatever is there.
    """
    with zipfile.ZipFile(path) as archive:
        refuse_bomb(archive)
        entries = archive.infolist()
        return {e.filename.removesuffix(".npy"): _read_npy(archive, e, kinds) for e in entries}


def _read_npy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, kinds: str) -> np.ndarray:
    with archive.open(entry) as file:
        shape, fortran, dtype = HEADERS[np.lib.format.read_magic(file)](file)
        content = file.read()
    if dtype.kind not in kinds:
        raise ValueError(f"{entry.filename} holds {dtype} and no numbers")
    if math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"{entry.filename} holds {len(content)} bytes for shape {shape}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
