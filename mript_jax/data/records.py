"""A record is one slice, whatever file it came from; and its compact form in ArrayRecord files."""

import dataclasses
import io
import json
import struct
from typing import Any

import numpy as np

from mript_jax.errors import UserError


class BrokenRecord(UserError):
    """A slice that cannot be used: training counts it and goes on, up to a limit."""

    def __init__(self, path: str, why: str):
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why

    def __reduce__(self):
        return BrokenRecord, (self.path, self.why)


@dataclasses.dataclass(frozen=True)
class Record:
    """One slice."""

    image: np.ndarray | None  # [H, W] magnitude; None where a test file has no reference
    volume: str  # what is never split: a patient, a file, a subject
    slice_index: int
    kspace: np.ndarray | None = None  # [C, H, W] complex64, centered, as measured
    mask: np.ndarray | None = None  # [H, W] where the file says what was sampled
    maximum: float | None = None  # of the volume (fastMRI's attribute)
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)  # json-able


def encode_record(record: Record) -> bytes:
    """A small JSON header, then the arrays. Images become float16 unless they are 8-bit."""
    arrays = {"image": record.image, "kspace": record.kspace, "mask": record.mask}
    if record.image is not None and record.image.dtype != np.uint8:
        arrays["image"] = record.image.astype(np.float16)
    if record.kspace is not None:
        arrays["kspace"] = record.kspace.astype(np.complex64)
    if record.mask is not None:
        arrays["mask"] = record.mask.astype(np.uint8)
    arrays = {name: array for name, array in arrays.items() if array is not None}
    header = {
        "volume": record.volume,
        "slice_index": int(record.slice_index),
        "maximum": record.maximum,
        "attributes": record.attributes,
        "arrays": list(arrays),
    }
    text = json.dumps(header).encode()
    body = io.BytesIO()
    body.write(struct.pack("<I", len(text)) + text)
    for array in arrays.values():
        np.save(body, np.ascontiguousarray(array), allow_pickle=False)
    return body.getvalue()


def decode_record(data: bytes) -> Record:
    """The record of `encode_record`; images and masks come back as float32."""
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    body = io.BytesIO(data[4 + length :])
    arrays = {name: np.load(body, allow_pickle=False) for name in header.pop("arrays")}
    for name in ("image", "mask"):
        if name in arrays:
            arrays[name] = arrays[name].astype(np.float32)
    return Record(arrays.pop("image", None), **header, **arrays)
