"""ISMRMRD raw data: acquired lines put into Cartesian k-space, with plain h5py.

A file holds a group with `xml`, the header, and `data`, a table of acquisitions: each a line of
samples for all coils, with counters that say where it belongs.
"""

from typing import Any

import h5py
import numpy as np

from mript_jax.data.geometry import Geometry
from mript_jax.data.mrd import ACQUISITION, NOISE, REVERSE, from_lps, has_flag
from mript_jax.data.readers.acquisitions import COUNTERS, choose_lines, list_frames, place
from mript_jax.data.readers.files import remember
from mript_jax.data.readers.hdf5 import (
    LARGEST_VOLUME,
    check_stored,
    find_array,
    open_hdf5,
    refuse_large,
)
from mript_jax.data.readers.header import read_header
from mript_jax.data.readers.heap import Heaps, Rows
from mript_jax.data.readers.index import About
from mript_jax.data.readers.reference import image_or_mask, refuse_unusable, transform_partitions
from mript_jax.data.readers.volumes import Format, VolumeSource
from mript_jax.physics.noise import prewhiten

MOST_ACQUISITIONS = 2**24
MOST_EMPTY = 256  # times as large as the samples of all lines may k-space be
WORST_NOISE = 1e6  # ratio of the largest to the smallest variance that can be made white
FLOAT = np.dtype("<f4")
DIRECTIONS = ("read_dir", "phase_dir", "slice_dir")


class IsmrmrdSource(VolumeSource):
    """The slices of Cartesian scans, 2D or 3D; undersampled ones give a mask and no image."""

    def __init__(self, path: str):
        form = Format(
            kind="ismrmrd-2",
            suffixes=(".h5", ".hdf5", ".mrd"),
            inspect=inspect_file,
            slices=_slices,
            open_file=Scan,
            read=_read,
            open_files=4,
        )
        super().__init__(path, form)


class Scan:
    """An open file, with the headers of its acquisitions and the noise of its coils."""

    def __init__(self, path: str):
        self._file = open_hdf5(path)
        groups = [
            g
            for g in self._file.values()
            if isinstance(g, h5py.Group) and "data" in g and "xml" in g
        ]
        if not groups:
            raise ValueError("it has no group with data and xml, as ISMRMRD files have")
        self._heaps = Heaps(self._file)
        self.header = read_header(self._heaps.text(find_array(groups[0], "xml")))
        self._check_header()
        self._data = _find_table(groups[0])
        self._table_rows = Rows(self._data)
        direct = self._table_rows.direct
        heads = self._table_rows.column("head", self._heaps) if direct else self._data["head"]
        lines, self.notes = choose_lines(heads, self.header)
        if len(groups) > 1:
            self.notes.append(f"left out: {len(groups) - 1} further groups of acquisitions")
        self._rows, self.heads = np.flatnonzero(lines), heads[lines]
        if not len(self.heads):
            raise ValueError("it holds no acquisition for an image")
        self.coils = int(self.heads["active_channels"][0])
        self._noise = self._read_noise(heads)
        self.frames = list_frames(self.heads)
        self.volume = remember(self._volume, 1)

    def close(self) -> None:
        self.volume.cache_clear()
        self._heaps.close()
        self._file.close()

    def lines_of(self, frame: tuple[int, ...]) -> np.ndarray:
        """Mark the lines of a frame, [lines] bool."""
        chosen = np.ones(len(self.heads), bool)
        for counter, value in zip(COUNTERS, frame, strict=True):
            chosen &= self.heads["idx"][counter] == value
        return chosen

    def _check_header(self) -> None:
        if "encoded_size" not in self.header:
            raise ValueError("its header names no encoded size")
        trajectory = self.header["trajectory"]
        if trajectory == "epi":
            raise ValueError("is EPI, whose Nyquist ghost is not corrected here; not read")
        if trajectory != "cartesian":
            raise ValueError(f"is {trajectory}; only Cartesian scans are read, so grid it first")

    def _volume(self, frame: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """k-space [Z, C, H, W] of one frame, along Z already an image; its mask [H, W]; notes."""
        (height, width), depth = self.header["encoded_size"], self.header["partitions"]
        chosen = self.lines_of(frame)
        heads, rows = self.heads[chosen], self._rows[chosen]
        shape = (depth, self.coils, height, width)
        refuse_large(shape, 8, "k-space", LARGEST_VOLUME)
        samples = heads["number_of_samples"].astype(int).sum()
        if depth * height * width > MOST_EMPTY * samples:
            raise ValueError(f"has {samples} samples for k-space {(height, width, depth)}")
        kspace = np.zeros(shape, np.complex64)
        times = np.zeros((depth, 1, height, width), np.uint16)
        for head, row in zip(heads, rows, strict=True):
            line = self._line(row, head)  # [C, samples]
            start, column, partition = place(head, line.shape[1], self.header)
            inside = slice(start, start + line.shape[1])
            kspace[partition, :, inside, column] += line
            times[partition, :, inside, column] += 1
        kspace /= np.maximum(times, 1)
        if self._noise is not None:
            level = np.sqrt(np.mean(np.abs(self._noise) ** 2) / 2)  # which stays as it is
            kspace = prewhiten(kspace, self._noise) * np.float32(level)
        measured = times[:, 0] > 0  # [Z, H, W]
        images, notes = transform_partitions(kspace, np.any(measured, axis=1))
        return images, np.any(measured, axis=0), notes

    def _line(self, row: int, head: np.ndarray) -> np.ndarray:
        """The samples [C, samples] of an acquisition, those to discard left out."""
        line = self._samples(row)
        coils, samples = int(head["active_channels"]), int(head["number_of_samples"])
        if line.shape != (coils * samples,) or coils != self.coils:
            raise ValueError(
                f"acquisition {row} has {line.size} samples; it should have {samples} of each of "
                f"{self.coils} coils"
            )
        pre, post = int(head["discard_pre"]), int(head["discard_post"])
        if pre + post >= samples:
            raise ValueError(f"acquisition {row} discards {pre + post} of its {samples} samples")
        line = line.reshape(coils, samples)[:, pre : samples - post]
        return line[:, ::-1] if has_flag(head, REVERSE) else line

    def _samples(self, row: int) -> np.ndarray:
        """All that was acquired, coil by coil."""
        if self._table_rows.direct:
            position = self._table_rows.position(row, "data")
            values = np.frombuffer(self._heaps.value(position, FLOAT.itemsize), FLOAT)
        else:
            values = np.asarray(self._data[row]["data"], np.float32)
        if values.size % 2:
            raise ValueError(f"acquisition {row} has {values.size} numbers, half a sample too many")
        return values.view(np.complex64)

    def _read_noise(self, heads: np.ndarray) -> np.ndarray | None:
        """Samples [C, N] without signal, if there are enough to make the coils' noise white."""
        rows = np.flatnonzero(has_flag(heads, NOISE))
        if not len(rows):
            return None
        counted = f"{len(rows)} noise line{'s' * (len(rows) > 1)}"
        lines = [self._samples(int(row)) for row in rows]
        shapes = zip(heads[rows]["active_channels"], lines, strict=True)
        if any(coils != self.coils or line.size % self.coils for coils, line in shapes):
            self.notes.append(f"left out: {counted} of other coils")
            return None
        noise = np.concatenate([line.reshape(self.coils, -1) for line in lines], axis=1)
        if not _can_be_whitened(noise):
            self.notes.append(f"left out: {counted} without independent noise")
            return None
        self.notes.append(f"whitened by {counted}")
        return noise


def inspect_file(path: str) -> About:
    """The frames of a file, and their places in the patient."""
    scan = Scan(path)
    try:
        depth = scan.header["partitions"]
        kept = min(scan.header.get("recon_partitions", depth), depth)
        first = (depth - kept) // 2
        return {
            "frames": scan.frames.tolist(),
            "partitions": [first, first + kept],
            "depth": depth,
            "crop_size": scan.header["crop_size"],
            "pixel_mm": scan.header["pixel_mm"],
            "notes": scan.notes,
            "places": [_place_of(scan, frame) for frame in scan.frames.tolist()],
        }
    finally:
        scan.close()


def _slices(about: About) -> list[tuple[int, int]]:
    return [
        (frame, partition)
        for frame in range(len(about["frames"]))
        for partition in range(*about["partitions"])
    ]


def _read(scan: Scan, about: About, key: tuple[int, int]) -> dict[str, Any]:
    frame, partition = key
    counters = tuple(about["frames"][frame])
    volume, measured, notes = scan.volume(counters)
    kspace = volume[partition]  # [C, H, W]
    refuse_unusable(kspace, "kspace")
    image, mask, more = image_or_mask(kspace, about["crop_size"], measured)
    first, end = about["partitions"]
    attributes: dict[str, Any] = dict(zip(COUNTERS, counters, strict=True))
    size = about["crop_size"] or list(kspace.shape[-2:])
    attributes["recon_size"] = size
    if about["depth"] > 1:
        attributes["partition"] = partition
    if about["notes"] + notes + more:
        attributes["notes"] = about["notes"] + notes + more
    return {
        "image": image,
        "slice_index": frame * (end - first) + partition - first,
        "kspace": kspace,
        "mask": mask,
        "attributes": attributes,
        "geometry": _geometry(about, frame, partition, kspace.shape[-2:]),
    }


def _find_table(group: h5py.Group) -> h5py.Dataset:
    """The table of acquisitions, of the standard's layout."""
    table = find_array(group, "data")
    names = table.dtype.names or ()
    ours = {"head", "data"} <= set(names) and table.ndim == 1
    if not ours or h5py.check_vlen_dtype(table.dtype["data"]) != FLOAT:
        raise ValueError(f"its data are {table.dtype}, not acquisitions")
    needed = ACQUISITION["head"]
    missing = set(needed.names or ()) - set(table.dtype["head"].names or ())
    if missing or set(needed["idx"].names or ()) - set(table.dtype["head"]["idx"].names or ()):
        raise ValueError(f"its acquisitions lack {', '.join(sorted(missing)) or 'counters'}")
    if len(table) > MOST_ACQUISITIONS:
        raise ValueError(f"it declares {len(table)} acquisitions, more than {MOST_ACQUISITIONS}")
    if not len(table) or not table.id.get_storage_size():
        raise ValueError("it holds no acquisition for an image")
    check_stored(table)
    return table


def _can_be_whitened(noise: np.ndarray) -> bool:
    coils, count = noise.shape
    if count < 2 * coils or not np.isfinite(noise).all():
        return False
    variances = np.linalg.eigvalsh(noise @ noise.conj().T)
    return bool(variances[0] * WORST_NOISE > variances[-1] > 0)


def _place_of(scan: Scan, frame: list[int]) -> list[list[float]]:
    """Position and directions [4, 3] of a frame, those of its first line."""
    head = scan.heads[int(np.argmax(scan.lines_of(tuple(frame))))]
    return [np.asarray(head[name], float).tolist() for name in ("position", *DIRECTIONS)]


def _geometry(about: About, frame: int, partition: int, shape: tuple[int, ...]) -> Geometry | None:
    """Of the image of k-space [H, W]: the step between slices is that of their positions."""
    if about["pixel_mm"] is None:
        return None
    sizes = zip(shape, about["crop_size"] or shape, strict=True)
    middle = [n // 2 - (n - crop) // 2 for n, crop in sizes]
    position, *directions = np.array(about["places"][frame])  # LPS
    step = about["pixel_mm"][2] * directions[2]
    if about["depth"] > 1:
        position = position + (partition - about["depth"] // 2) * step
    else:
        step = _step_to_next(about, frame, step)
    return from_lps(position, np.array(directions), middle, about["pixel_mm"], step=step)


def _step_to_next(about: About, frame: int, otherwise: np.ndarray) -> np.ndarray:
    """The step to the next slice of the same contrast, repetition and so on, or from the last."""
    own = about["frames"][frame]
    for near, sign in ((frame + 1, 1), (frame - 1, -1)):
        if 0 <= near < len(about["frames"]) and about["frames"][near][:-1] == own[:-1]:
            step = sign * (np.array(about["places"][near][0]) - about["places"][frame][0])
            return step if step.any() else otherwise
    return otherwise
