"""NIfTI volumes, cut into slices of one orientation whatever way they are stored. Needs nibabel."""

import functools
import math
import re
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError

from mript_jax.data.readers.index import About
from mript_jax.data.readers.reference import refuse_unusable
from mript_jax.data.readers.volumes import Format, VolumeSource
from mript_jax.errors import unknown_name_error

PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}  # the axis of right, anterior, superior
SUBJECT = re.compile(r"sub-[^/_]+")  # of the BIDS layout
MOST_VOXELS = 2**31  # more: the header is damaged


class NiftiSource(VolumeSource):
    """Slices of .nii and .nii.gz files; of 4D files those of every volume.

    plane: "axial", "coronal" or "sagittal", by the orientation in the header; seen from the feet,
      the front or the left, as in radiology.
    skip_blank: slices that are zero everywhere, as at the ends of a head, are left out.
    """

    def __init__(self, path: str, plane: str = "axial", skip_blank: bool = True):
        if plane not in PLANES:
            raise unknown_name_error("plane", plane, PLANES)
        form = Format(
            kind="nifti-1",
            suffixes=(".nii", ".nii.gz"),
            inspect=inspect_file,
            slices=functools.partial(_slices, plane=plane, skip_blank=skip_blank),
            open_file=Volume,
            read=functools.partial(_read, plane=plane),
            subject=_subject,
            open_files=2,  # they are unpacked into memory
        )
        super().__init__(path, form)


class Volume:
    """Voxels in the order right, anterior, superior, time, with the header's scaling.

    A compressed file is unpacked as a whole; of any other only what is asked for is read.
    """

    def __init__(self, path: str):
        try:
            image = nibabel.load(path)
        except ImageFileError as error:
            raise ValueError("is not NIfTI") from error
        if len(image.shape) not in (3, 4) or math.prod(image.shape) > MOST_VOXELS:
            raise ValueError(f"its header names the impossible shape {image.shape}")
        if image.get_data_dtype().kind not in "iufc":
            raise ValueError(f"its voxels are {image.get_data_dtype()}, not numbers")
        self._axes, self._flips = nibabel.io_orientation(image.affine).T
        if not np.isfinite(self._axes).all():
            raise ValueError("its header has no usable orientation")
        packed = path.endswith(".gz")
        self._voxels = np.asanyarray(image.dataobj) if packed else image.dataobj
        sides = [image.shape[list(self._axes).index(axis)] for axis in range(3)]
        self.shape = [*sides, *(image.shape[3:] or (1,))]
        self._has_time = len(image.shape) == 4
        self.voxel_mm = [
            float(image.header.get_zooms()[list(self._axes).index(axis)]) for axis in range(3)
        ]

    def slice(self, axis: int, position: int, time: int) -> np.ndarray:
        """[H, W] float32: the slice across an axis."""
        stored = list(self._axes).index(axis)
        if self._flips[stored] < 0:
            position = self.shape[axis] - 1 - position
        where: list[slice | int] = [slice(None)] * 3 + [time] * self._has_time
        where[stored] = position
        plane = np.asarray(self._voxels[tuple(where)])
        rest = [i for i in range(3) if i != stored]  # stored axes of the plane
        flipped = [i for i, along in enumerate(rest) if self._flips[along] < 0]
        plane = np.flip(plane, tuple(flipped))
        if self._axes[rest[0]] > self._axes[rest[1]]:
            plane = plane.T
        if np.iscomplexobj(plane):
            plane = np.abs(plane)
        return np.ascontiguousarray(plane.T[::-1, ::-1], np.float32)  # last axis upwards

    def close(self) -> None:
        self._voxels = None


def inspect_file(path: str) -> About:
    """Its shape, and which slices hold something."""
    volume = Volume(path)
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
    return {"shape": volume.shape, "voxel_mm": volume.voxel_mm, "content": content}


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
    attributes = {"plane": plane, "time": time, "voxel_mm": about["voxel_mm"]}
    number = time * about["shape"][PLANES[plane]] + position
    return {"image": image, "slice_index": number, "attributes": attributes}


def _subject(name: str, about: About) -> str:
    subject = SUBJECT.search(name)
    return subject[0] if subject else name
