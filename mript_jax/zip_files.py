"""Zip files from anywhere: entries are read only if they can be as large as they claim."""

import math
import zipfile
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple

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


class Header(NamedTuple):
    """An array of an .npz file as it is declared, before its numbers are read."""

    version: tuple[int, int]  # of NumPy's format
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Header:
    """The header of an array; one that makes no sense is a ValueError."""
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:
            raise ValueError(f"{entry.filename} is of version {version} of NumPy's format")
        try:
            shape, _, dtype = HEADERS[version](file)
        except (SyntaxError, TokenError, RecursionError) as error:  # NumPy parses it as Python
            raise ValueError(f"the header of {entry.filename} is damaged: {error}") from error
    return Header(version, shape, dtype)


def read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """An array, of exactly the bytes that its header declares; else a ValueError.

    NumPy alone takes the memory that a header claims, whatever is there.
    """
    declared = read_header(archive, entry)
    if declared.nbytes > entry.file_size:
        raise ValueError(f"{entry.filename} declares {declared.nbytes} bytes, which cannot be")
    with archive.open(entry) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):
            raise ValueError(f"{entry.filename} is longer than its shape {array.shape}")
    return array


def read_npz(path: str | Path, kinds: str = "biuf") -> dict[str, np.ndarray]:
    """The arrays of an .npz file, of these kinds of dtypes; a damaged one raises all kinds."""
    with zipfile.ZipFile(path) as archive:
        refuse_bomb(archive)
        entries = archive.infolist()
        for entry in entries:
            dtype = read_header(archive, entry).dtype
            if dtype.kind not in kinds:
                raise ValueError(f"{entry.filename} holds {dtype} and no numbers")
        return {e.filename.removesuffix(".npy"): read_array(archive, e) for e in entries}
