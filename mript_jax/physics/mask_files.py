"""Masks kept as .npz, with the record of how they were drawn, by which a damaged file shows."""

import dataclasses
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.masks import PATTERNS, Mask, center_width, first_line, true_acceleration
from mript_jax.zip_files import read_array, read_header

MEMBERS = ("about.npy", "array.npy")
LARGEST_BYTES = 2**28  # of a member: 8192 x 8192 float32
UNREADABLE = (
    *(OSError, EOFError, KeyError, TypeError, ValueError, RecursionError, NotImplementedError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error),
)


def save_mask(path: str | Path, mask: Mask) -> None:
    """Write a mask and its record as .npz."""
    about = {f.name: getattr(mask, f.name) for f in dataclasses.fields(mask) if f.name != "array"}
    with Path(path).open("wb") as file:
        np.savez_compressed(file, array=mask.array, about=json.dumps(about, default=int))


def load_mask(path: str | Path) -> Mask:
    """Read a mask that `save_mask` wrote; one that its record contradicts is a UserError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != sorted(MEMBERS):
                raise ValueError(f"it holds {len(archive.namelist())} other members")
            about, array = (_read_array(archive, name) for name in MEMBERS)
        mask = Mask(array=array, **json.loads(_text(about)))
        _check(mask)
    except UNREADABLE as error:
        raise UserError(f"{path} holds no mask of save_mask: {error}") from error
    return mask


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    entry = archive.getinfo(name)
    if entry.file_size > LARGEST_BYTES:
        raise ValueError(f"{name} has {entry.file_size} bytes")
    declared = read_header(archive, entry)
    if declared.version != (1, 0):
        raise ValueError(f"{name} is of another version of NumPy's format")
    if declared.dtype.hasobject or not declared.nbytes:
        raise ValueError(f"{name} is declared as {declared.dtype} of shape {declared.shape}")
    return read_array(archive, entry)


def _text(array: np.ndarray) -> str:
    """The text in an array of characters, of which NumPy does not check that they are any."""
    if array.dtype.kind != "U" or array.shape != ():
        raise ValueError(f"its record is {array.dtype} {array.shape}, not a text")
    return array.astype(array.dtype.newbyteorder("<")).tobytes().decode("utf-32-le")


def _check(mask: Mask) -> None:
    array = mask.array
    if array.ndim != 2 or array.dtype != np.float32 or not np.isin(array, (0, 1)).all():
        raise ValueError(f"its array is {array.dtype} {array.shape}, not zeros and ones [H, W]")
    if not array.any():
        raise ValueError("it samples nothing")
    if mask.pattern not in PATTERNS or mask.axis not in (-1, -2):
        raise ValueError(f"its pattern is {mask.pattern!r}, its axis {mask.axis!r}")
    drawn: dict[str, Any] = {
        "true_acceleration": float(true_acceleration(array)),
        "center_lines": center_width(array, mask.axis),
        "offset": first_line(array, mask.axis),
    }
    for name, value in drawn.items():
        if getattr(mask, name) != value or type(getattr(mask, name)) is not type(value):
            raise ValueError(f"its {name} is {value}, not {getattr(mask, name)!r} as it says")
    for name, most in (("acceleration", math.inf), ("center_fraction", 1), ("partial_fourier", 1)):
        value = getattr(mask, name)
        if type(value) is not float or not 0 <= value <= most or not math.isfinite(value):
            raise ValueError(f"its {name} is {value!r}")
    seeds = mask.seed if isinstance(mask.seed, list) else [mask.seed]
    if not seeds or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise ValueError(f"its seed is {mask.seed!r}")
