"""ISMRMRD raw data: acquired lines put into Cartesian k-space, with plain h5py.

A file holds a group with `xml`, the header, and `data`, a table of acquisitions: each a line of
samples for all coils, with counters that say where it belongs.
"""

import functools
from typing import Any

import h5py
import numpy as np

from mript_jax.data.readers.header import read_header
from mript_jax.data.readers.index import About
from mript_jax.data.readers.reference import image_or_mask, refuse_unusable
from mript_jax.data.readers.volumes import Format, VolumeSource

COUNTERS = ("slice", "contrast", "phase", "repetition", "set")  # one image for each combination
NOISE, CALIBRATION, CALIBRATION_AND_IMAGING, REVERSE = 19, 20, 21, 22  # numbers of flags, from 1
NO_IMAGE = (NOISE, 23, 24, 26, 27, 28, 29)  # noise, navigator, phase correction, feedback, dummy


class IsmrmrdSource(VolumeSource):
    """The slices of Cartesian scans, 2D or 3D; undersampled ones give a mask and no image."""

    def __init__(self, path: str):
        form = Format(
            kind="ismrmrd-1",
            suffixes=(".h5", ".hdf5", ".mrd"),
            inspect=inspect_file,
            slices=_slices,
            open_file=Scan,
            read=_read,
            open_files=4,
        )
        super().__init__(path, form)


class Scan:
    """An open file, with the headers of its acquisitions."""

    def __init__(self, path: str):
        self._file = h5py.File(path, "r")
        groups = [
            g
            for g in self._file.values()
            if isinstance(g, h5py.Group) and "data" in g and "xml" in g
        ]
        if not groups:
            raise ValueError("it has no group with data and xml, as ISMRMRD files have")
        text = groups[0]["xml"][()]
        self.header = read_header(np.ravel(text)[0])
        self._data = groups[0]["data"]
        if not {"head", "data"} <= set(self._data.dtype.names or ()):
            raise ValueError(f"its data are {self._data.dtype}, not acquisitions")
        heads = self._data["head"]
        flags = heads["flags"]
        imaging = heads["encoding_space_ref"] == 0
        for flag in NO_IMAGE:
            imaging &= ~_has(flags, flag)
        imaging &= ~_has(flags, CALIBRATION) | _has(flags, CALIBRATION_AND_IMAGING)
        self._rows, self.heads = np.flatnonzero(imaging), heads[imaging]
        self.frames = np.unique(
            np.stack([self.heads["idx"][counter] for counter in COUNTERS], axis=1), axis=0
        )  # [frames, counters]
        self.volume = functools.lru_cache(maxsize=1)(self._volume)

    def close(self) -> None:
        self.volume.cache_clear()
        self._file.close()

    def _volume(self, frame: tuple[int, ...]) -> np.ndarray:
        """k-space [Z, C, H, W] of one frame: along partitions already an image."""
        (height, width), depth = self.header["encoded_size"], self.header["partitions"]
        counters = self.heads["idx"]
        chosen = np.ones(len(self.heads), bool)
        for counter, value in zip(COUNTERS, frame, strict=True):
            chosen &= counters[counter] == value
        heads, rows = self.heads[chosen], self._rows[chosen]
        coils = int(heads["active_channels"][0])
        kspace = np.zeros((depth, coils, height, width), np.complex64)
        times = np.zeros((depth, width), int)
        for head, row in zip(heads, rows, strict=True):
            line = self._data[row]["data"].view(np.complex64).reshape(coils, -1)
            line = line[:, head["discard_pre"] : line.shape[1] - head["discard_post"]]
            line = line[:, ::-1] if _has(head["flags"], REVERSE) else line
            start = height // 2 - (int(head["center_sample"]) - int(head["discard_pre"]))
            step, step_2 = (int(head["idx"][f"kspace_encode_step_{i}"]) for i in (1, 2))
            column = step - self.header["center"] + width // 2
            partition = step_2 - self.header["center_2"] + depth // 2
            fits = start >= 0 and start + line.shape[1] <= height
            if not (fits and 0 <= column < width and 0 <= partition < depth):
                raise ValueError(
                    f"acquisition {row} (line {column}, partition {partition}, {line.shape[1]} "
                    f"samples from {start}) is outside of k-space {(height, width, depth)}"
                )
            kspace[partition, :, start : start + line.shape[1], column] += line
            times[partition, column] += 1
        kspace /= np.maximum(times, 1)[:, None, None]
        return kspace if depth == 1 else _along_partitions(kspace, times > 0)


def inspect_file(path: str) -> About:
    """Which frames there are."""
    scan = Scan(path)
    try:
        if "encoded_size" not in scan.header:
            raise ValueError("its header names no encoded size")
        if scan.header["trajectory"] != "cartesian":
            raise ValueError(f"is {scan.header['trajectory']}; only Cartesian scans are read")
        if not len(scan.frames):
            raise ValueError("it holds no acquisition for an image")
        depth = scan.header["partitions"]
        kept = min(scan.header.get("recon_partitions", depth), depth)
        first = (depth - kept) // 2
        return {
            "frames": scan.frames.tolist(),
            "partitions": [first, first + kept],
            "recon_size": scan.header.get("recon_size"),
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
    kspace = scan.volume(counters)[partition]  # [C, H, W]
    refuse_unusable(kspace, "kspace")
    image, mask = image_or_mask(kspace, about["recon_size"])
    first, end = about["partitions"]
    attributes = dict(zip(COUNTERS, counters, strict=True))
    if about["recon_size"]:
        attributes["recon_size"] = about["recon_size"]
    return {
        "image": image,
        "slice_index": frame * (end - first) + partition - first,
        "kspace": kspace,
        "mask": mask,
        "attributes": attributes,
    }


def _along_partitions(kspace: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Centered, orthonormal inverse transform of the first axis, which must be fully measured."""
    lines = measured.any(axis=0)  # [W]
    partitions = np.flatnonzero(measured.any(axis=1))
    filled = measured[partitions[0] : partitions[-1] + 1][:, lines]
    if not filled.all():
        raise ValueError("is undersampled along partitions; such 3D scans are not read")
    shifted = np.fft.ifftshift(kspace, axes=0)
    return np.fft.fftshift(np.fft.ifft(shifted, axis=0, norm="ortho"), axes=0)


def _has(flags: Any, number: int) -> Any:
    return (flags >> np.uint64(number - 1)) & np.uint64(1) > 0
