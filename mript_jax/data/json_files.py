"""JSON from anywhere: of a sane size and depth, and of the types that are expected.

A defect is a ValueError whose text goes behind the file's name.
"""

import json
import os
from pathlib import Path
from typing import Any

LARGEST_BYTES = 2**28


def read_json(path: str | Path) -> Any:
    """The content of a JSON file."""
    size = os.path.getsize(path)
    if size > LARGEST_BYTES:
        raise ValueError(f"has {size} bytes, more than {LARGEST_BYTES}")
    return parse_json(Path(path).read_bytes())


def parse_json(data: bytes) -> Any:
    """The value of a JSON text, without NaN."""
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def whole_numbers(values: Any, what: str) -> list[int]:
    """A list of whole numbers from 0 on."""
    if not isinstance(values, list) or not all(type(v) is int and v >= 0 for v in values):
        raise ValueError(f"{what} should be a list of whole numbers from 0 on")
    return values


def texts(values: Any, what: str) -> list[str]:
    """A list of texts that can be written as UTF-8."""
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise ValueError(f"{what} should be a list of texts")
    "".join(values).encode()
    return values


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which is no number")
