"""DICOM series, sorted by position, with the scaling of the header and no window. Needs pydicom."""

import fnmatch
import itertools
import logging
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, get_decoder, pixel_array
from pydicom.uid import UID

from mript_jax.data.geometry import Geometry
from mript_jax.data.readers.base import Source
from mript_jax.data.readers.dicom_header import geometry_of, height_of, inspect_file
from mript_jax.data.readers.files import find_files, refuse_escape
from mript_jax.data.readers.index import About, cached_index
from mript_jax.data.readers.reference import refuse_unusable
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.errors import UserError

log = logging.getLogger(__name__)

UNREADABLE = (  # what pydicom raises where bytes are damaged
    *(OSError, EOFError, LookupError, ValueError, TypeError, AttributeError, RuntimeError),
    *(ArithmeticError, AssertionError, MemoryError, struct.error, zlib.error),
)
UNEVEN = 0.1  # of the distance between slices
MOST_NAMED = 3  # of the same kind, in one line
SAME_DIRECTION = 2  # decimals of a direction that tell orientations apart


class Slice(NamedTuple):
    """A frame of a file, with what it is sorted by."""

    series: str
    key: tuple  # of the volume in the series: see KEYS
    height: float  # along the normal
    instance: int
    frame: int
    name: str  # of the file


class DicomSource(Source):
    """The slices of every series below a folder; a series is a volume.

    Of a series that holds several volumes (sizes, orientations, echoes, magnitude and phase, times,
    or positions that repeat) each is one of its own, named after the series and what differs.

    modality: only files of this one; "" takes all.
    series: only series whose description matches, such as "*T2*".
    Patients appear as a hash of their ID, never by name.
    """

    def __init__(self, path: str, modality: str = "MR", series: str = "*"):
        self._root, names = find_files(path, ("",))  # most have no suffix
        index = cached_index(self._root, names, self._inspect, "dicom-2")
        wanted = {name: index[name] for name in names if _wanted(index[name], modality, series)}
        if not wanted:
            seen = {
                (a.get("modality"), a.get("description")) for a in index.values() if a.get("frames")
            }
            there = ", ".join(sorted(f"{m} {d!r}" for m, d in seen)) or "none"
            raise UserError(f"no slice in {path} with {modality=} and {series=}; series: {there}")
        broken = [
            Slice(name, (), 0.0, 0, frame=0, name=name) for name in names if "broken" in index[name]
        ]
        _say_left_out(path, index, wanted)
        self._slices = sorted([*_slices(wanted), *broken])
        self._abouts = {entry.name: index[entry.name] for entry in self._slices}
        super().__init__(
            _volume_names(self._slices),
            subjects=[about.get("subject", s.name) for s, about in self._described()],
        )
        self._numbers, last, number = [], None, 0  # the slice's place in its volume
        for group in self.groups:
            number = number + 1 if group == last else 0
            self._numbers.append(number)
            last = group
        _say_uneven(self.groups, self._slices)

    def __len__(self) -> int:
        return len(self._slices)

    def __getitem__(self, index: int) -> Record:
        entry = self._slices[index]
        about, path = self._abouts[entry.name], str(self._root / entry.name)
        if "broken" in about:
            raise BrokenRecord(path, about["broken"])
        frames = about["frames"]
        what = path if len(frames) == 1 else f"{path} frame {entry.frame + 1}"
        try:
            _refuse_undecodable(UID(about["syntax"]))
            several = entry.frame if len(frames) > 1 else None
            image = read_frame(path, several, frames[entry.frame]["scaling"])
            refuse_unusable(image, "image")
        except BrokenRecord as error:
            raise type(error)(what, error.why) from error
        except UNREADABLE as error:
            raise BrokenRecord(what, f"cannot be read: {' '.join(str(error).split())}") from error
        return Record(
            image,
            self.groups[index],
            self._numbers[index],
            attributes={"modality": about["modality"]},  # the description may name the patient
            geometry=self._geometry(index),
            path=path,
        )

    def _described(self) -> Iterator[tuple[Slice, About]]:
        return ((entry, self._abouts[entry.name]) for entry in self._slices)

    def _frame(self, index: int) -> dict[str, Any]:
        entry = self._slices[index]
        return self._abouts[entry.name]["frames"][entry.frame]

    def _geometry(self, index: int) -> Geometry | None:
        """The place of a slice, with the step to the next one of its volume."""
        places = [
            np.asarray(self._frame(i)["position"], np.float64)
            for i in (index - 1, index, index + 1)
            if 0 <= i < len(self) and self.groups[i] == self.groups[index]
            if self._frame(i)["position"] is not None
        ]
        step = places[-1] - places[-2] if len(places) > 1 else np.zeros(3)
        return geometry_of(self._frame(index), step)

    def _inspect(self, path: Path) -> About:
        refuse_escape(self._root, path)
        try:
            return inspect_file(path)
        except UNREADABLE as error:
            raise BrokenRecord(str(path), f"cannot be read (cut short?): {error}") from error


def read_frame(path: str, frame: int | None, scaling: list[float] | None) -> np.ndarray:
    """[H, W] float32 in the units of the header: its scaling or its table applied, no window.

    frame: its number in a file of several.
    scaling: slope and intercept of the frame, where an enhanced file has them.
    """
    header = Dataset()
    stored = pixel_array(path, ds_out=header, index=frame)
    if scaling is None and header.get("ModalityLUTSequence"):
        values = apply_modality_lut(stored, header)
    else:
        slope, intercept = scaling or (
            float(header.get("RescaleSlope") or 1.0),
            float(header.get("RescaleIntercept") or 0.0),
        )
        values = stored * slope + intercept
    with np.errstate(over="ignore"):  # infinity is refused later
        image = values.astype(np.float32)
    return image.max() - image if header.PhotometricInterpretation == "MONOCHROME1" else image


def _wanted(about: About, modality: str, series: str) -> bool:
    if not about.get("frames") or modality not in ("", about["modality"]):
        return False
    return fnmatch.fnmatch(about["description"].lower(), series.lower())


KEYS = {  # what tells the volumes of a series apart: its label in the volume's name
    "size": lambda value: f"{value[0]}x{value[1]}",
    "orientation": lambda value: f"orientation{value}",
    "echo": lambda value: f"echo{value}",
    "echo_time": lambda value: f"TE{value:g}",
    "kind": lambda value: value or "other",
    "time": lambda value: f"time{value}",
    "repeat": lambda value: f"repeat{value + 1}",
}


def _slices(abouts: dict[str, About]) -> list[Slice]:
    """Every frame of every file, with the key of its volume."""
    found = []
    orientations: dict[str, list] = {}  # of each series, in the order in which they appear
    for name, about in abouts.items():
        for number, frame in enumerate(about["frames"]):
            directions = np.round(frame["orientation"] or [], SAME_DIRECTION).tolist()
            seen = orientations.setdefault(about["series"], [])
            if directions not in seen:
                seen.append(directions)
            told = (frame[name] for name in ("echo", "echo_time", "kind", "time"))
            key = (tuple(about["shape"]), seen.index(directions), *told)
            height = height_of(frame)
            entry = Slice(about["series"], key, height, about["instance"], frame=number, name=name)
            found.append(entry)
    placed = {s: abouts[s.name]["frames"][s.frame]["position"] is not None for s in found}
    count: dict[tuple, int] = {}
    slices = []
    for entry in sorted(found):  # those of one position in the order of their instances
        place = (entry.series, entry.key, entry.height)
        repeat = count.get(place, 0) if placed[entry] else 0
        count[place] = repeat + 1
        slices.append(entry._replace(key=(*entry.key, repeat)))
    return slices


def _volume_names(slices: list[Slice]) -> list[str]:
    """The series' UID, followed by what differs between its volumes."""
    values: dict[str, list[set]] = {}
    for entry in slices:
        several = values.setdefault(entry.series, [set() for _ in KEYS])
        for seen, value in zip(several, entry.key, strict=False):
            seen.add(value)
    names: dict[tuple, str] = {}
    taken: set[str] = set()
    for entry in slices:
        if (entry.series, entry.key) in names:
            continue
        parts = zip(KEYS.values(), entry.key, values[entry.series], strict=False)
        name = "_".join([entry.series, *(label(v) for label, v, seen in parts if len(seen) > 1)])
        while name in taken:
            name += "_"
        names[entry.series, entry.key] = name
        taken.add(name)
    return [names[entry.series, entry.key] for entry in slices]


def _say_left_out(path: str, index: dict[str, About], wanted: dict[str, About]) -> None:
    """One line on the files that give no slice."""
    without = [name for name, about in index.items() if not about]
    other = Counter(
        f"{about['modality'] or 'no modality'} {about['description']!r}"
        for name, about in index.items()
        if about.get("frames") and name not in wanted
    )
    said = [f"{count} files of {kind}" for kind, count in other.most_common(MOST_NAMED)]
    said += [f"{len(without)} files without an image ({_few(without)})"] if without else []
    if said:
        log.warning("%s: left out: %s", path, ", ".join(said))


def _say_uneven(groups: Sequence[str], slices: list[Slice]) -> None:
    """One line on volumes whose slices are not evenly spaced: one may be missing."""
    uneven = []
    for name, members in itertools.groupby(zip(groups, slices, strict=True), lambda pair: pair[0]):
        gaps = np.diff([entry.height for _, entry in members])
        if len(gaps) > 1 and np.ptp(gaps) > UNEVEN * np.median(gaps):
            number = int(np.argmax(np.abs(gaps - np.median(gaps))))
            far = f"{gaps[number]:g} instead of {np.median(gaps):g} mm"
            uneven.append(f"{name} ({far} after slice {number})")
    if uneven:
        log.warning("slices are not evenly spaced (is one missing?): %s", _few(uneven))


def _few(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _refuse_undecodable(syntax: UID) -> None:
    """Refuse compressed pixels that no plugin of pydicom's can unpack here."""
    if not syntax.is_encapsulated:
        return
    decoder = get_decoder(syntax)
    if not decoder.is_available:
        missing = "; ".join(" ".join(line.split()) for line in decoder.missing_dependencies)
        raise ValueError(f"pixels are packed as {syntax.name}, which needs one of: {missing}")
