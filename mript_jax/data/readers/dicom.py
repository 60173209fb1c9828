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
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.pixels import apply_modality_lut, get_decoder, pixel_array
from pydicom.uid import UID, RLELossless

from mript_jax.data.geometry import Geometry
from mript_jax.data.readers import dicom_runs
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
    *(BytesLengthException, InvalidDicomError),
)
UNEVEN = 0.1  # of the distance between slices
MOST_GAPS = 8  # times as many places as slices
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
    positions that repeat, files of frames without positions) each is one of its own, named after
    the series and what differs.

    modality: only files of this one; "" takes all.
    series: only series whose description matches, such as "*T2*".
    Patients appear as a hash of their ID, never by name.
    """

    def __init__(self, path: str, modality: str = "MR", series: str = "*"):
        self._root, names = find_files(path, ("",))  # most have no suffix
        index = cached_index(self._root, names, self._inspect, "dicom-3")
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
        described = [(entry, self._abouts[entry.name]) for entry in self._slices]
        super().__init__(
            _volume_names([s for s, about in described if not about.get("defect")], self._slices),
            subjects=[about.get("subject", s.name) for s, about in described],
        )
        self._ends: dict[str, tuple[int, int]] = {}  # the first and last slice of each volume
        for i, name in enumerate(self.groups):
            self._ends[name] = self._ends.get(name, (i, i))[0], i
        self._numbers, uneven = _number(self.groups, self._slices)
        if uneven:
            log.warning("slices are not evenly spaced (is one missing?): %s", _few(uneven))

    def __len__(self) -> int:
        return len(self._slices)

    def __getitem__(self, index: int) -> Record:
        entry = self._slices[index]
        about, path = self._abouts[entry.name], str(self._root / entry.name)
        if "broken" in about:
            raise BrokenRecord(path, about["broken"])
        frames = about["frames"]
        what = path if len(frames) == 1 else f"{path} frame {entry.frame + 1}"
        if about["defect"]:
            raise BrokenRecord(path, f"cannot be read: {about['defect']}")
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

    def _frame(self, index: int) -> dict[str, Any]:
        entry = self._slices[index]
        frames: list[dict[str, Any]] = self._abouts[entry.name]["frames"]
        return frames[entry.frame]

    def _geometry(self, index: int) -> Geometry | None:
        """The place of a slice, with the step to the next place in its volume."""
        first, last = self._ends[self.groups[index]]
        between = self._numbers[last] - self._numbers[first]
        ends = [self._frame(i)["position"] for i in (first, last)]
        step = np.zeros(3)
        if between and None not in ends:
            step = (np.asarray(ends[1]) - np.asarray(ends[0])) / between
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
    syntax = read_file_meta_info(path).TransferSyntaxUID
    if syntax.is_deflated:
        header = dcmread(path)  # unpacked as a whole
        stored = pixel_array(header, index=frame)
    else:
        plugin = dicom_runs.PLUGIN if syntax == RLELossless else ""
        stored = pixel_array(path, ds_out=header, index=frame, decoding_plugin=plugin)
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
    "instance": lambda value: f"instance{value}",
    "size": lambda value: f"{value[0]}x{value[1]}",
    "orientation": lambda value: f"orientation{value + 1}",
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
            apart = frame["position"] is None and len(about["frames"]) > 1
            instance = about["instance"] if apart else 0
            key = (instance, tuple(about["shape"]), seen.index(directions), *told)
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


def _volume_names(sound: list[Slice], slices: list[Slice]) -> list[str]:
    """For each slice the series' UID, followed by what differs between its sound volumes.

    The size that most slices have is not said.
    """
    values: dict[str, list[Counter]] = {s.series: [Counter() for _ in KEYS] for s in slices}
    for entry in sound:
        for seen, value in zip(values[entry.series], entry.key, strict=False):
            seen[value] += 1
    names: dict[tuple, str] = {}
    taken: set[str] = set()
    for entry in [*sound, *slices]:  # what is damaged takes no other's name
        if (entry.series, entry.key) in names:
            continue
        name = entry.series
        for key, value, seen in zip(KEYS, entry.key, values[entry.series], strict=False):
            usual = key == "size" and 2 * seen[value] > seen.total()
            if len(seen) > 1 and not usual:
                name += f"_{KEYS[key](value)}"
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


def _number(groups: Sequence[str], slices: list[Slice]) -> tuple[list[int], list[str]]:
    """The number of each slice in its volume, and the volumes whose slices are not evenly spaced.

    Where slices are missing between others, their numbers are missing too.
    """
    volumes = Counter(
        series for series, _ in {(s.series, name) for s, name in _named(slices, groups)}
    )
    numbers: list[int] = []
    uneven = []
    for name, members in itertools.groupby(_named(slices, groups), lambda pair: pair[1]):
        entries = [entry for entry, _ in members]
        heights = np.array([entry.height for entry in entries])
        gaps = np.diff(heights)
        if len(gaps) > 1 and np.ptp(gaps) > UNEVEN * np.median(gaps):
            far = int(np.argmax(np.abs(gaps - np.median(gaps))))
            gap = f"{gaps[far]:g} instead of {np.median(gaps):g} mm"
            uneven.append(f"{name} ({gap} after slice {far})")
        instances = np.array([entry.instance for entry in entries])
        alone = volumes[entries[0].series] == 1
        numbers += _places(heights, instances if alone else None).tolist()
    return numbers, uneven


def _places(heights: np.ndarray, instances: np.ndarray | None) -> np.ndarray:
    """Whole numbers from 0 on, in proportion to ascending heights where that can be."""
    ranks, gaps = np.arange(len(heights)), np.diff(heights)
    if not gaps.size or gaps.min() <= 0:
        return ranks
    steps = heights - heights[0]
    if instances is not None:  # where slices follow each other in them, missing ones show
        passed = np.abs(np.diff(instances, prepend=instances[:1])).cumsum()
        moved = np.abs(instances - instances[0])
        if (np.diff(moved) > 0).all() and np.array_equal(passed, moved):
            each = steps[1:] / moved[1:]
            if np.ptp(each) <= UNEVEN * each.min():
                return moved
    steps /= gaps.min()
    even = steps[-1] < MOST_GAPS * len(steps) and np.ptp(steps - np.rint(steps)) < UNEVEN
    return np.rint(steps).astype(int) if even else ranks


def _named(slices: list[Slice], groups: Sequence[str]) -> Iterator[tuple[Slice, str]]:
    return zip(slices, groups, strict=True)


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
