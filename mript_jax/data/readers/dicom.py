"""DICOM series, sorted by position, with the scaling of the header and no window. Needs pydicom."""

import fnmatch
import hashlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from mript_jax.data.readers.base import Source
from mript_jax.data.readers.files import find_files, refuse_escape
from mript_jax.data.readers.index import About, cached_index
from mript_jax.data.readers.reference import refuse_unusable
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.errors import UserError

UNREADABLE = (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)
MOST_PIXELS = 2**26  # of a frame; more: the header is damaged
MOST_FRAMES = 2**16
TAGS = [
    *("SeriesInstanceUID", "StudyInstanceUID", "PatientID", "Modality", "SeriesDescription"),
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "Rows", "Columns"),
    *("NumberOfFrames", "SamplesPerPixel", "DirectoryRecordSequence"),
]


class DicomSource(Source):
    """The slices of every series below a folder; a series is a volume.

    modality: only files of this one; "" takes all.
    series: only series whose description matches, such as "*T2*".
    Patients appear as a hash of their ID, never by name.
    """

    def __init__(self, path: str, modality: str = "MR", series: str = "*"):
        self._root, names = find_files(path, ("",))  # most have no suffix
        index = cached_index(self._root, names, self._inspect, "dicom-1")
        found: list[tuple[str, float, int, int | None, str]] = []  # ..., instance, frame, name
        for name in names:
            about = index[name]
            if "broken" in about:
                found.append((name, 0.0, 0, None, name))
            elif _wanted(about, modality, series):
                place = (about["series"], about["position"], about["instance"])
                found += [(*place, frame, name) for frame in range(about["frames"])]
        found.sort(key=lambda entry: (*entry[:3], entry[3] or 0, entry[4]))
        if all(frame is None for *_, frame, _ in found):
            seen = {
                (a.get("modality"), a.get("description")) for a in index.values() if a.get("frames")
            }
            there = ", ".join(sorted(f"{m} {d!r}" for m, d in seen)) or "none"
            raise UserError(f"no slice in {path} with {modality=} and {series=}; series: {there}")
        self._abouts = {name: index[name] for *_, name in found}
        self._entries = [(name, frame) for *_, frame, name in found]
        super().__init__(
            [entry[0] for entry in found],
            subjects=[self._abouts[name].get("subject", name) for name, _ in self._entries],
        )
        self._numbers, last, number = [], None, 0  # the slice's place in its series
        for group in self.groups:
            number = number + 1 if group == last else 0
            self._numbers.append(number)
            last = group

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Record:
        name, frame = self._entries[index]
        about, path = self._abouts[name], str(self._root / name)
        if "broken" in about:
            raise BrokenRecord(path, about["broken"])
        try:
            image = read_frame(path, frame or 0)
            refuse_unusable(image, "image")
        except BrokenRecord as error:
            raise type(error)(path, error.why) from error
        except UNREADABLE as error:
            raise BrokenRecord(path, f"cannot be read: {error}") from error
        attributes = {"series": about["description"], "modality": about["modality"]}
        return Record(image, self.groups[index], self._numbers[index], attributes=attributes)

    def _inspect(self, path: Path) -> About:
        refuse_escape(self._root, path)
        try:
            return inspect_file(path)
        except UNREADABLE as error:
            raise BrokenRecord(str(path), f"cannot be read (cut short?): {error}") from error


def inspect_file(path: Path) -> About:
    """The facts on a file that the index keeps; {} for one that holds no image."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
    except InvalidDicomError as error:
        if path.suffix.lower() in (".dcm", ".ima"):
            raise ValueError("is not DICOM") from error
        return {}  # some other file that lies beside
    if "DirectoryRecordSequence" in header or "Rows" not in header:
        return {}
    pixels, frames = header.Rows * header.Columns, int(header.get("NumberOfFrames") or 1)
    if not 0 < pixels <= MOST_PIXELS or not 0 < frames <= MOST_FRAMES:
        shape = (frames, header.Rows, header.Columns)
        raise ValueError(f"its header names the impossible shape {shape}")
    if header.get("SamplesPerPixel", 1) != 1:
        raise ValueError("is a color picture, not a slice")
    patient = str(header.get("PatientID") or header.get("StudyInstanceUID", path.parent.name))
    return {
        "series": str(header.get("SeriesInstanceUID", path.parent.name)),
        "subject": hashlib.blake2b(patient.encode(), digest_size=8).hexdigest(),
        "modality": str(header.get("Modality", "")),
        "description": str(header.get("SeriesDescription", "")),
        "position": _position(header),
        "instance": int(header.get("InstanceNumber") or 0),
        "frames": frames,
    }


def read_frame(path: str, frame: int) -> np.ndarray:
    """[H, W] float32 in the units of the header: slope and intercept applied, no window."""
    dataset = pydicom.dcmread(path)
    several = int(dataset.get("NumberOfFrames") or 1) > 1
    stored = pydicom.pixels.pixel_array(dataset, index=frame if several else None)
    slope, intercept = _rescale(dataset, frame)
    image = (stored * slope + intercept).astype(np.float32)
    return image.max() - image if dataset.PhotometricInterpretation == "MONOCHROME1" else image


def _wanted(about: About, modality: str, series: str) -> bool:
    if not about or modality not in ("", about["modality"]):
        return False
    return fnmatch.fnmatch(about["description"].lower(), series.lower())


def _position(header: pydicom.Dataset) -> float:
    """Along the normal of the slice."""
    where, orientation = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    if where is None or orientation is None or len(where) != 3 or len(orientation) != 6:
        return 0.0
    normal = np.cross(np.float64(orientation[:3]), np.float64(orientation[3:]))
    return round(float(normal @ np.float64(where)), 3)


def _rescale(dataset: pydicom.Dataset, frame: int) -> tuple[float, float]:
    """Slope and intercept, which enhanced files keep for each frame."""
    shared = dataset.get("SharedFunctionalGroupsSequence", [])[:1]
    own = dataset.get("PerFrameFunctionalGroupsSequence", [])[frame : frame + 1]
    places = [p for g in (*shared, *own) for p in g.get("PixelValueTransformationSequence", [])]
    place = places[-1] if places else dataset
    return float(place.get("RescaleSlope", 1.0)), float(place.get("RescaleIntercept", 0.0))
