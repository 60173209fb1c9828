"""NIfTI, MGH and MINC volumes, cut into slices of one orientation however they are stored.

Needs nibabel.
"""

import contextlib
import functools
import gzip
import itertools
import logging
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import aff2axcodes, inv_ornt_aff, io_orientation
from nibabel.spatialimages import HeaderDataError, HeaderTypeError, ImageDataError

from mript_jax.data.geometry import Geometry
from mript_jax.data.readers.index import About
from mript_jax.data.readers.reference import refuse_unusable
from mript_jax.data.readers.volumes import Format, VolumeSource
from mript_jax.errors import unknown_name_error

log = logging.getLogger(__name__)

PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}  # the axis of right, anterior, superior
SUBJECT = re.compile(r"sub-[^/_]+")  # of the BIDS layout
MOST_VOXELS = 2**31  # more: the header is damaged
MOST_PACKED = 1032  # times that deflate shrinks anything
PLAIN = (".nii", ".mgh")  # files whose size is that of their voxels, and more
UNREADABLE = (  # what nibabel raises where bytes are damaged
    *(ImageFileError, HeaderDataError, HeaderTypeError, ImageDataError, OSError, EOFError),
    *(ValueError, TypeError, AttributeError, LookupError, RuntimeError, ArithmeticError),
    *(AssertionError, MemoryError, struct.error, zlib.error),
)
BLOCK = 512  # bytes
OF_THE_SCANNER = (1, 2)  # codes of affines in the patient's own space
MOST_NAMED = 3  # files in one line


class NiftiSource(VolumeSource):
    """Slices of .nii, .nii.gz, .mgz and .mnc files; of 4D files those of every time.

    plane: "axial", "coronal" or "sagittal", by the orientation in the header; seen from the feet,
      the front or the left, as in radiology.
    skip_blank: slices that are zero everywhere, as at the ends of a head, are left out; a line
      says which.
    """

    def __init__(self, path: str, plane: str = "axial", skip_blank: bool = True):
        if plane not in PLANES:
            raise unknown_name_error("plane", plane, PLANES)
        form = Format(
            kind="nifti-2",
            suffixes=(".nii", ".nii.gz", ".mgz", ".mgh", ".mnc"),
            inspect=inspect_file,
            slices=functools.partial(_slices, plane=plane, skip_blank=skip_blank),
            open_file=Volume,
            read=functools.partial(_read, plane=plane),
            subject=_subject,
            open_files=2,  # they are unpacked into memory
        )
        super().__init__(path, form)
        if skip_blank:
            _say_left_out(self._abouts, plane)


class Volume:
    """Voxels in the order right, anterior, superior, time, with the header's scaling.

    A compressed file is unpacked as a whole; of any other only what is asked for is read.
    """

    def __init__(self, path: str):
        with _one_error():
            image = nibabel.load(path)
            _check(image, path)
            axes = io_orientation(image.affine)
            self._axes, self._flips = axes.T
            self._voxels, self._scaling = image.dataobj, (1.0, 0.0)
            if not path.endswith(PLAIN) and hasattr(image.dataobj, "get_unscaled"):
                self._voxels = image.dataobj.get_unscaled()
                self._scaling = image.dataobj.slope, image.dataobj.inter
        sides = [int(image.shape[list(self._axes).index(axis)]) for axis in range(3)]
        self.shape = [*sides, *map(int, image.shape[3:] or (1,))]
        self._has_time = len(image.shape) == 4
        self.affine = image.affine @ inv_ornt_aff(axes, image.shape[:3])  # of these axes
        self.stored_axes = "".join(aff2axcodes(image.affine))
        self.voxel_mm = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()

    def slice(self, axis: int, position: int, time: int) -> np.ndarray:
        """[H, W] float32: the slice across an axis."""
        stored = list(self._axes).index(axis)
        if self._flips[stored] < 0:
            position = self.shape[axis] - 1 - position
        where: list[slice | int] = [slice(None)] * 3 + [time] * self._has_time
        where[stored] = position
        with _one_error():
            plane = np.asarray(self._voxels[tuple(where)])
        rest = [i for i in range(3) if i != stored]  # stored axes of the plane
        flipped = [i for i, along in enumerate(rest) if self._flips[along] < 0]
        plane = np.flip(plane, tuple(flipped))
        if self._axes[rest[0]] > self._axes[rest[1]]:
            plane = plane.T
        if self._scaling != (1.0, 0.0):
            plane = plane * np.float64(self._scaling[0]) + self._scaling[1]
        if np.iscomplexobj(plane):
            plane = np.abs(plane)
        with np.errstate(over="ignore"):  # infinity is refused later
            return np.ascontiguousarray(plane.T[::-1, ::-1], np.float32)  # last axis upwards

    def close(self) -> None:
        self._voxels = None


def inspect_file(path: str) -> About:
    """Its shape, its place, and which slices hold something."""
    volume = Volume(path)
    with _one_error():
        _check_end(path)
    content: dict[str, list] = {plane: [] for plane in PLANES}
    filled = [np.zeros((volume.shape[3], n), bool) for n in volume.shape[:3]]
    for time in range(volume.shape[3]):
        for position in range(volume.shape[2]):
            plane = volume.slice(2, position, time)[::-1, ::-1].T != 0  # [right, anterior]
            filled[0][time] |= plane.any(axis=1)
            filled[1][time] |= plane.any(axis=0)
            filled[2][time, position] = plane.any()
    for plane, axis in PLANES.items():
        content[plane] = [np.flatnonzero(row).tolist() for row in filled[axis]]
    return {
        "shape": volume.shape,
        "voxel_mm": volume.voxel_mm,
        "content": content,
        "affine": volume.affine.tolist(),
        "stored_axes": volume.stored_axes,
    }


def _slices(about: About, plane: str, skip_blank: bool) -> list[tuple[int, int]]:
    every = range(about["shape"][PLANES[plane]])
    return [
        (position, time)
        for time in range(about["shape"][3])
        for position in (about["content"][plane][time] if skip_blank else every)
    ]


def _read(volume: Volume, about: About, key: tuple[int, int], plane: str) -> dict[str, Any]:
    position, time = key
    image = volume.slice(PLANES[plane], position, time)
    refuse_unusable(image, "image")
    count = about["shape"][PLANES[plane]]
    return {
        "image": image,
        "slice_index": time * count + position,
        "attributes": {
            "plane": plane,
            "time": time,
            "voxel_mm": about["voxel_mm"],
            "stored_axes": about["stored_axes"],
            "volume_slices": count,
        },
        "geometry": _geometry(about, PLANES[plane], position),
    }


def _geometry(about: About, axis: int, position: int) -> Geometry:
    """The place of a slice across an axis, whose rows and columns run against the other two."""
    voxels = np.asarray(about["affine"])
    along, down = (i for i in range(3) if i != axis)
    corner = np.zeros(4)
    corner[[along, down]] = np.asarray(about["shape"])[[along, down]] - 1
    corner[axis], corner[3] = position, 1
    affine = np.eye(4)
    affine[:, 0], affine[:, 1], affine[:, 2] = -voxels[:, down], -voxels[:, along], voxels[:, axis]
    affine[:, 3] = voxels @ corner
    return Geometry(affine)


def _check(image: Any, path: str) -> None:
    """Refuse a header that says what cannot be, before memory is taken for it."""
    shape = tuple(map(int, image.shape))
    if len(shape) not in (3, 4) or not 0 < math.prod(shape) <= MOST_VOXELS:
        raise ValueError(f"its header names the impossible shape {shape}")
    if len(shape) == 4 and path.endswith(".mnc"):
        raise ValueError(f"is MINC of four axes {shape}, of which three can be read")
    dtype = image.get_data_dtype()
    if dtype.kind not in "iufc":
        raise ValueError(f"its voxels are {dtype}, not numbers")
    if not np.isfinite(image.affine).all() or abs(np.linalg.det(image.affine[:3, :3])) < 1e-9:
        raise ValueError("its header has no usable orientation")
    _check_voxel_size(image)
    ratio = 1 if path.endswith(PLAIN) else MOST_PACKED
    if math.prod(shape) * dtype.itemsize > ratio * os.path.getsize(path):
        raise ValueError(f"holds less than the voxels {shape} of its header")


def _check_voxel_size(image: Any) -> None:
    """Refuse an affine that contradicts the header's other places for it.

    Atlas spaces are excepted, to which a volume may have been stretched.
    """
    if not hasattr(image, "get_sform"):
        return
    sform, code = image.get_sform(coded=True)
    if code in OF_THE_SCANNER:
        sizes = np.linalg.norm(sform[:3, :3], axis=0)
        named = np.float64(image.header.get_zooms()[:3])
        if not np.allclose(sizes, named, rtol=1e-3):
            raise ValueError(f"its affine has voxels of {sizes} mm, its pixdim of {named} mm")
        qform, other = image.get_qform(coded=True)
        if other == code and not np.allclose(sform, qform, atol=0.1 * min(sizes)):
            raise ValueError("its two affines (sform and qform) contradict each other")


def _check_end(path: str) -> None:
    """Refuse NIfTI with more voxels than its header names, or whose checksum does not agree.

    Zeros that fill up the file to whole blocks are let through.
    """
    if not path.endswith((".nii", ".nii.gz")):
        return
    proxy = nibabel.load(path).dataobj
    end = proxy.offset + math.prod(proxy.shape) * proxy.dtype.itemsize
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
        file.seek(end)
        zeros = True
        while part := file.read(2**20):  # to the end, where gzip has its checksum
            zeros &= not any(part)
        size = file.tell()
    if size > end and not (zeros and size % BLOCK == 0):
        raise ValueError(f"holds more than the voxels {proxy.shape} of its header")


@contextlib.contextmanager
def _one_error() -> Iterator[None]:
    """Turn the errors of nibabel about damaged bytes into a ValueError of one line."""
    try:
        yield
    except UNREADABLE as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def _say_left_out(abouts: dict[str, About], plane: str) -> None:
    """One line on the slices without content, file by file."""
    blank = []
    for name, about in abouts.items():
        if "broken" in about:
            continue
        every = set(range(about["shape"][PLANES[plane]]))
        for time, filled in enumerate(about["content"][plane]):
            numbers = sorted(every.difference(filled))
            if numbers:
                when = f" of time {time}" if about["shape"][3] > 1 else ""
                blank.append(f"{name}{when}: {ranges(numbers)}")
    if blank:
        more = f"; and {len(blank) - MOST_NAMED} more" if len(blank) > MOST_NAMED else ""
        log.warning("blank %s slices left out: %s", plane, "; ".join(blank[:MOST_NAMED]) + more)


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in short, such as "0-5, 9"."""
    runs = itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ends = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{e[0]}-{e[-1]}" if len(e) > 1 else f"{e[0]}" for e in ends)


def _subject(name: str, about: About) -> str:
    subject = SUBJECT.search(name)
    return subject[0] if subject else name
