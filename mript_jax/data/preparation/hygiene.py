"""Slices that do not belong into a training set: blank ones and duplicates."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from mript_jax.data.records import Record

LEAST_CONTENT = 1e-3  # of the pixels must stand out, or the slice is blank
STANDS_OUT = 0.02  # of the range, above the darkest value


def is_blank(image: np.ndarray) -> bool:
    """Return True for a slice that shows nothing: one value, or a few bright points on it."""
    darkest, brightest = float(image.min()), float(image.max())
    bright = image > darkest + STANDS_OUT * (brightest - darkest)
    return bool(bright.mean() < LEAST_CONTENT)


def content_hash(record: Record) -> str:
    """The same for the same picture (k-space where there is no picture), whatever its name."""
    content = np.ascontiguousarray(record.kspace if record.image is None else record.image)
    digest = hashlib.blake2b(str(content.shape).encode(), digest_size=12)
    digest.update(content.tobytes())
    return digest.hexdigest()


def duplicates(hashes: Iterable[str]) -> dict[int, int]:
    """position -> position of the first element with the same hash."""
    first: dict[str, int] = {}
    return {
        position: first[digest]
        for position, digest in enumerate(hashes)
        if first.setdefault(digest, position) != position
    }


def report(
    names: list[str], doubles: dict[int, int], blank: list[str], broken: list[str]
) -> dict[str, Any]:
    """The slices left out of a dataset, with reasons; `names` are those of slices with content."""
    return {
        "seen": len(names) + len(blank) + len(broken),
        "kept": len(names) - len(doubles),
        "left_out": {"duplicate": len(doubles), "blank": len(blank), "broken": len(broken)},
        "duplicates": [{"record": names[i], "of": names[j]} for i, j in doubles.items()],
        "blank": blank,
        "broken": broken,
    }
