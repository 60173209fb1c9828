"""Facts on the frames of a DICOM file: place, scaling and what tells apart the volumes of a series.

Classic files have one frame and one set of elements; enhanced ones keep most of them in functional
groups, shared by all frames or for each. Needs pydicom.
"""

import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydicom
from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info, read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, EnhancedMRImageStorage, MRImageStorage

from mript_jax.data.geometry import TO_LPS, Geometry
from mript_jax.data.readers.index import About

MOST_PIXELS = 2**26  # of a frame; more: the header is damaged
MOST_FRAMES = 2**16
MOST_UNPACKED = 2**28  # bytes of a deflated file
GRAY = ("MONOCHROME1", "MONOCHROME2")
PIXEL_GROUP = 0x7FE0
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # of floats, of doubles, of whole numbers
MR_CLASSES = (MRImageStorage, EnhancedMRImageStorage)
MODALITIES = ("MR", "CT", "PT", "NM", "US", "CR", "DX", "MG", "XA", "RF", "OT", "SC")
TAGS = [
    "SOPClassUID",
    *("SeriesInstanceUID", "StudyInstanceUID", "PatientID", "Modality", "SeriesDescription"),
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("SpacingBetweenSlices", "SliceThickness", "EchoNumbers", "EchoTime", "ImageType"),
    *("TemporalPositionIdentifier", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel"),
    *("BitsAllocated", "BitsStored", "HighBit", "PhotometricInterpretation"),
    "DirectoryRecordSequence",
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]
pydicom.config.settings.reading_validation_mode = IGNORE  # warnings would print patients' data


def inspect_file(path: Path) -> About:
    """The facts on a file that the index keeps; {} for one that holds no image."""
    try:
        _refuse_bomb(path)
        with path.open("rb") as file:
            header = read_partial(file, _in_order(), specific_tags=[Tag(name) for name in TAGS])
            end = file.tell()  # of the header
    except InvalidDicomError as error:
        if path.suffix.lower() in (".dcm", ".ima"):
            raise ValueError("is not DICOM") from error
        return {}  # some other file that lies beside
    kind = UID(str(header.get("SOPClassUID", "")))
    if "Rows" not in header:
        if _has_no_image(kind, header):
            return {}
        raise ValueError(f"holds no image (its class: {kind.name or 'unknown'})")
    rows, columns = int(header.Rows), int(header.Columns)
    frames = int(header.get("NumberOfFrames") or 1)
    if not 0 < rows * columns <= MOST_PIXELS or not 0 < frames <= MOST_FRAMES:
        raise ValueError(f"its header names the impossible shape {(frames, rows, columns)}")
    gray = header.get("PhotometricInterpretation", GRAY[-1])
    if header.get("SamplesPerPixel", 1) != 1 or gray not in GRAY:
        raise ValueError(f"is a color picture ({gray}), not a slice")
    bits, high = header.get("BitsStored"), header.get("HighBit")
    if None not in (bits, high) and high != bits - 1:  # pydicom would read other bits
        raise ValueError(f"its pixels have {bits} bits, but the highest of them is number {high}")
    modality = str(header.get("Modality", ""))
    if kind in MR_CLASSES:
        modality = modality or "MR"
        if modality not in MODALITIES:
            raise ValueError(f"is of modality {modality!r} and of the class {kind.name}")
    elif not modality and kind.name == str(kind):
        raise ValueError("its header names neither a modality nor a known class")
    syntax = UID(header.file_meta.TransferSyntaxUID)
    if frames > path.stat().st_size:
        raise ValueError(f"holds less than its {frames} frames")
    defect = ""
    if not (syntax.is_encapsulated or syntax.is_deflated):
        size = (frames * rows * columns * int(header.BitsAllocated) + 7) // 8
        defect = _defect(path, end, syntax, size)
    series = UID(str(header.get("SeriesInstanceUID") or ""))
    if series and not series.is_valid:
        raise ValueError("its series is no UID")
    patient = str(header.get("PatientID") or header.get("StudyInstanceUID", path.parent.name))
    return {
        "series": str(series) or path.parent.name,
        "subject": hashlib.blake2b(patient.encode(), digest_size=8).hexdigest(),
        "modality": modality,
        "description": str(header.get("SeriesDescription", "")),
        "instance": int(header.get("InstanceNumber") or 0),
        "shape": [rows, columns],
        "syntax": str(syntax),
        "defect": defect,
        "frames": _frames(header, frames),
    }


def _in_order() -> Callable[[BaseTag, str | None, int], bool]:
    """A function that stops at the pixels, and refuses an element that comes out of turn.

    Elements come in the order of their tags, and some writers repeat one. Where bytes were put in,
    other elements begin.
    """
    last = -1

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal last
        if tag < last:
            raise ValueError(f"its element {Tag(tag)} comes behind {Tag(last)}")
        last = tag
        return tag in PIXELS

    return at_pixels


def _has_no_image(kind: UID, header: Dataset) -> bool:
    """The file is of a class without pixels, such as a directory or a report."""
    known = kind.name != str(kind) and "Image" not in kind.name
    return known or "DirectoryRecordSequence" in header


def _defect(path: Path, start: int, syntax: UID, expected: int) -> str:
    """Why pixels that are not compressed cannot be those of the header; "" where they can.

    `start` is where their element begins; zeros behind them are let through.
    """
    order: Literal["little", "big"] = "little" if syntax.is_little_endian else "big"
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(8 if syntax.is_implicit_VR else 12)
        if int.from_bytes(head[:2], order) != PIXEL_GROUP:
            return "it holds no pixels"
        length = int.from_bytes(head[-4:], order)
        there = path.stat().st_size - file.tell()
        if min(length, there) < expected or length > there + 1:  # a byte that makes it even
            claimed = max(length, expected)
            return f"it was cut short: {min(length, there)} bytes of {claimed} are there"
        file.seek(expected, os.SEEK_CUR)
        rest = length - expected
        while rest > 0 and (part := file.read(min(rest, 2**20))):
            if any(part):
                return f"its pixels take {length} bytes instead of {expected}"
            rest -= len(part)
        after = file.read(8)
        if after and (len(after) < 8 or int.from_bytes(after[:2], order) <= PIXEL_GROUP):
            return "its pixels are followed by what is no element"
    return ""


def geometry_of(frame: dict[str, Any], step: np.ndarray) -> Geometry | None:
    """The place of a frame; `step` [3] leads to the next slice, 0 where there is none.

    It is in DICOM's coordinates: to the left, to the back, to the head.
    """
    if frame["position"] is None or frame["spacing"] is None:
        return None
    along, down = np.float64(frame["orientation"]).reshape(2, 3)
    if not step.any():
        step = np.cross(along, down) * frame["thickness"]
    affine = np.eye(4)
    affine[:3, 0] = TO_LPS * down * frame["spacing"][0]
    affine[:3, 1] = TO_LPS * along * frame["spacing"][1]
    affine[:3, 2] = TO_LPS * step
    affine[:3, 3] = TO_LPS * frame["position"]
    return Geometry(affine)


def height_of(frame: dict[str, Any]) -> float:
    """Millimetres along the normal of the slice; 0 where the place is unknown."""
    if frame["position"] is None:
        return 0.0
    along, down = np.float64(frame["orientation"]).reshape(2, 3)
    return round(float(np.cross(along, down) @ np.float64(frame["position"])), 3)


def _frames(header: Dataset, count: int) -> list[dict[str, Any]]:
    own = header.get("PerFrameFunctionalGroupsSequence") or []
    shared = list(header.get("SharedFunctionalGroupsSequence") or [])[:1]
    if own and len(own) != count and "NumberOfFrames" in header:
        raise ValueError(f"its header describes {len(own)} of its {count} frames")
    return [_frame(header, [*own[i : i + 1], *shared], count) for i in range(count)]


def _frame(header: Dataset, groups: list[Dataset], count: int) -> dict[str, Any]:
    """JSON-able facts on a frame."""

    def found(sequence: str, keyword: str, classic: str = "") -> Any:
        for group in groups:
            for item in list(group.get(sequence) or [])[:1]:
                if item.get(keyword) is not None:
                    return item[keyword].value
        return header.get(classic) if classic and count == 1 else None

    def measure(keyword: str) -> float | None:
        value = _numbers(found("PixelMeasuresSequence", keyword, keyword), 1)
        return value[0] if value and value[0] > 0 else None

    position = _numbers(found("PlanePositionSequence", *2 * ["ImagePositionPatient"]), 3)
    orientation = _numbers(found("PlaneOrientationSequence", *2 * ["ImageOrientationPatient"]), 6)
    if orientation is None or position is None or not _is_orthonormal(orientation):
        position = orientation = None
    spacing = _numbers(found("PixelMeasuresSequence", *2 * ["PixelSpacing"]), 2)
    if spacing is not None and min(spacing) <= 0:
        spacing = None
    kind = found("MRImageFrameTypeSequence", "FrameType") or header.get("ImageType")
    kinds = [kind] if isinstance(kind, str) else list(kind or [])
    time = found("FrameContentSequence", "TemporalPositionIndex", "TemporalPositionIdentifier")
    slope, intercept = (
        found("PixelValueTransformationSequence", keyword)
        for keyword in ("RescaleSlope", "RescaleIntercept")
    )
    return {
        "position": position,
        "orientation": orientation,
        "spacing": spacing,
        "thickness": measure("SpacingBetweenSlices") or measure("SliceThickness") or 1.0,
        "echo": _whole(header.get("EchoNumbers")),
        "echo_time": _echo_time(found("MREchoSequence", "EffectiveEchoTime", "EchoTime")),
        "kind": str(kinds[2]) if len(kinds) > 2 else "",
        "time": _whole(time),
        "scaling": None if slope is None else [float(slope), float(intercept or 0)],
    }


def _numbers(value: Any, count: int) -> list[float] | None:
    """So many finite numbers, or None."""
    if value is None or value == "":
        return None
    numbers = np.atleast_1d(np.float64(value))
    return numbers.tolist() if numbers.shape == (count,) and np.isfinite(numbers).all() else None


def _is_orthonormal(orientation: list[float]) -> bool:
    axes = np.reshape(orientation, (2, 3))
    return bool(np.allclose(axes @ axes.T, np.eye(2), atol=1e-2))


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0


def _echo_time(value: Any) -> float:
    """Milliseconds, rounded so that equal ones are equal; 0 where there is none."""
    numbers = _numbers(value, 1)
    return round(numbers[0], 2) if numbers else 0.0


def _refuse_bomb(path: Path) -> None:
    """Refuse a deflated file that unpacks to more than MOST_UNPACKED bytes."""
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    unpack, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with open(path, "rb") as file:
        file.seek(132 + 12 + int(meta.FileMetaInformationGroupLength))
        part = file.read(2**16)
        while part and not unpack.eof:
            size += len(unpack.decompress(part, 2**20))
            if size > MOST_UNPACKED:
                raise ValueError(f"unpacks to more than {MOST_UNPACKED} bytes")
            part = unpack.unconsumed_tail or file.read(2**16)
