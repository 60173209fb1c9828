"""A record is one slice, whatever file it came from; and its compact form in ArrayRecord files."""

import dataclasses
import json
import math
import struct
import zlib
from typing import Any

import numpy as np

from mript_jax.data.geometry import Geometry
from mript_jax.data.json_files import parse_json
from mript_jax.errors import UserError

NO_REFERENCE = "has no reference image (is it a test file?)"
ARRAYS = {  # that a stored record may have, with their types: a table against foreign ones
    "image": {dtype: dtype for dtype in ("|u1", "<u2", "<f2")},
    "kspace": {"<c8": "<c8"},
    "mask": {"|u1": "|u1"},
}
FLOAT16_EXPONENT = 15  # the maximum is stored just below 2 ** 15, so that no value underflows


class BrokenRecord(UserError):
    """A slice that cannot be used: training counts it and goes on, up to a limit."""

    def __init__(self, path: str, why: str):
        why = " ".join(why.split())  # libraries break their messages into lines
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why

    def __reduce__(self):
        return type(self), (self.path, self.why)


class BlankRecord(BrokenRecord):
    """A slice that can be read and shows nothing: left out without being held against the data."""


@dataclasses.dataclass(frozen=True)
class Record:
    """One slice."""

    image: np.ndarray | None  # [H, W] magnitude; None where a test file has no reference
    volume: str  # what is never split: a patient, a file, a subject
    slice_index: int
    kspace: np.ndarray | None = None  # [C, H, W] complex64, centered, as measured
    mask: np.ndarray | None = None  # [H, W] of a prospectively undersampled file
    maximum: float | None = None  # of the volume (fastMRI's attribute)
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)  # json-able
    geometry: Geometry | None = None  # where the file says it; not kept in ArrayRecord files
    path: str | None = None  # the file that it was read from; not kept either

    @property
    def reference(self) -> np.ndarray:
        """The image [H, W]; a file without one is a BrokenRecord."""
        if self.image is None:
            raise BrokenRecord(self.volume, NO_REFERENCE)
        return self.image

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image."""
        height, width = self.reference.shape
        return height, width


def encode_record(record: Record) -> bytes:
    """A small JSON header, the bytes of the arrays, and a checksum (CRC-32) of both.

    Images are kept in 8 or 16 bits where these hold them exactly, else as float16 times a power
    of two; k-space as complex64; masks as bytes.
    """
    stored, exponent = [], 0
    if record.kspace is not None:  # first, since it is the largest: its bytes stay aligned
        stored.append(("kspace", record.kspace.astype(np.complex64)))
    if record.image is not None:
        image, exponent = _compact(record.image)
        stored.append(("image", image))
    if record.mask is not None:
        stored.append(("mask", record.mask.astype(np.uint8)))
    header = {
        "volume": record.volume,
        "slice_index": int(record.slice_index),
        "maximum": record.maximum,
        "attributes": record.attributes,
        "arrays": [(name, array.dtype.str, array.shape) for name, array in stored],
        "exponent": exponent,
    }
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 4) % 16)
    parts = [struct.pack("<I", len(text)), text, *(array.tobytes() for _, array in stored)]
    data = b"".join(parts)
    return data + _checksum(data)


def decode_record(data: bytes) -> Record:
    """The record of `encode_record`; images and masks come back as float32.

    Bytes that are not those of a record are a ValueError.
    """
    try:
        (length,) = struct.unpack_from("<I", data)
        start = 4 + length
        header = parse_json(data[4:start])
        arrays: dict[str, Any] = {}
        for name, dtype, shape in header["arrays"]:
            arrays[name] = _array(data, start, ARRAYS[name][dtype], shape)
            start += arrays[name].nbytes
        if data[start:] not in (b"", _checksum(data[:start])):  # b"": written before 1.2
            raise ValueError("its checksum does not fit")
        if not all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind in "fc"):
            raise ValueError("holds NaN or infinity")
        for name in ("image", "mask"):
            if name in arrays:
                arrays[name] = arrays[name].astype(np.float32)
        if header["exponent"]:
            with np.errstate(over="ignore"):  # seen below
                arrays["image"] = np.ldexp(arrays["image"], -header["exponent"])
            if not np.isfinite(arrays["image"]).all():
                raise ValueError(f"its exponent is {header['exponent']}")
        record = Record(
            arrays.get("image"),
            header["volume"],
            header["slice_index"],
            maximum=header["maximum"],
            attributes=header["attributes"],
            kspace=arrays.get("kspace"),
            mask=arrays.get("mask"),
        )
        _check(record)
    except (KeyError, TypeError, AttributeError, struct.error, OverflowError) as error:
        raise ValueError(f"is no record: {type(error).__name__} {error}") from error
    return record


def _array(data: bytes, start: int, dtype: str, shape: list[int]) -> np.ndarray:
    if not all(type(side) is int and side > 0 for side in shape):
        raise ValueError(f"an array has the impossible shape {shape}")
    return np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape)


def _check(record: Record) -> None:
    """Refuses a header whose fields are of other types than `encode_record` writes."""
    image, kspace, mask = record.image, record.kspace, record.mask
    axes = ((image, 2), (kspace, 3), (mask, 2))
    if not all(array is None or array.ndim == wanted for array, wanted in axes):
        raise ValueError("an array has a wrong number of axes")
    if not isinstance(record.volume, str) or type(record.slice_index) is not int:
        raise ValueError(f"its slice is {record.slice_index!r} of {record.volume!r}")
    if mask is not None and not np.isin(mask, (0, 1)).all():
        raise ValueError("its mask holds other numbers than 0 and 1")
    if not isinstance(record.maximum, float | None) or not isinstance(record.attributes, dict):
        raise ValueError(f"its maximum is {record.maximum!r}, its attributes {record.attributes!r}")


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(data))


def _compact(image: np.ndarray) -> tuple[np.ndarray, int]:
    """The image in as few bits as serve, and the power of two that it was multiplied by."""
    smallest, largest = image.min(), image.max()
    for dtype in (np.uint8, np.uint16):
        if smallest >= 0 and largest <= np.iinfo(dtype).max:
            whole = image.astype(dtype)
            if (whole == image).all():
                return whole, 0
    exponent = FLOAT16_EXPONENT - math.frexp(max(-smallest, largest))[1]
    return np.ldexp(image, exponent).astype(np.float16), exponent
