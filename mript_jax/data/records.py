"""A record is one slice, whatever file it came from; and its compact form in ArrayRecord files."""

import dataclasses
import json
import math
import struct
from typing import Any

import numpy as np

from mript_jax.data.geometry import Geometry
from mript_jax.errors import UserError

NO_REFERENCE = "has no reference image (is it a test file?)"
FLOAT16_EXPONENT = 15  # the maximum is stored just below 2 ** 15, so that no value underflows


class BrokenRecord(UserError):
    """A slice that cannot be used: training counts it and goes on, up to a limit."""

    def __init__(self, path: str, why: str):
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
    """A small JSON header, then the bytes of the arrays.

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
    return b"".join(parts)


def decode_record(data: bytes) -> Record:
    """The record of `encode_record`; images and masks come back as float32."""
    (length,) = struct.unpack_from("<I", data)
    start = 4 + length
    header = json.loads(data[4:start])
    arrays: dict[str, Any] = {}
    for name, dtype, shape in header["arrays"]:
        count = math.prod(shape)
        arrays[name] = np.frombuffer(data, dtype, count, start).reshape(shape)
        start += arrays[name].nbytes
    for name in ("image", "mask"):
        if name in arrays:
            arrays[name] = arrays[name].astype(np.float32)
    if header["exponent"]:
        arrays["image"] = np.ldexp(arrays["image"], -header["exponent"])
    return Record(
        arrays.pop("image", None),
        header["volume"],
        header["slice_index"],
        maximum=header["maximum"],
        attributes=header["attributes"],
        **arrays,
    )


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
