"""CMRxRecon's cardiac k-space: MATLAB files of version 7.3, which are HDF5.

MATLAB's (kx, ky, coil, slice, time) is stored as [time, slice, coil, ky, kx].
"""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mript_jax.data.readers.hdf5 import (
    check_stored,
    find_array,
    list_names,
    open_hdf5,
    refuse_large,
)
from mript_jax.data.readers.index import About
from mript_jax.data.readers.reference import image_or_mask, refuse_unusable
from mript_jax.data.readers.volumes import Format, VolumeSource

KSPACE = ("kspace", "kdata")  # how the array's name starts: kspace_full, kspace_sub04, ...
SUBJECT = re.compile(r"\w*Set|Center\d+|\w+_\d+T_\w+|P\d+")  # folders that tell a person
PARTS = ("real", "imag")
LARGEST_SIDE = 8192


class CMRxReconSource(VolumeSource):
    """Slices and time frames of .mat files; undersampled files give a mask and no image."""

    def __init__(self, path: str):
        form = Format(
            kind="cmrxrecon-2",
            suffixes=(".mat",),
            inspect=inspect_file,
            slices=_slices,
            open_file=open_hdf5,
            read=_read,
            subject=_subject,
        )
        super().__init__(path, form)


def inspect_file(path: str) -> About:
    """The array of k-space and its axes; none in a file of masks."""
    if not h5py.is_hdf5(path):
        raise ValueError("is no MATLAB file of version 7.3; save it with -v7.3")
    with open_hdf5(path) as file:
        names = [name.decode() for name in list_names(file)]
        name = next((name for name in names if name.lower().startswith(KSPACE)), None)
        if name is None and any("mask" in name.lower() for name in names):
            return {"array": "", "shape": []}
        if name is None:
            raise ValueError(
                f"it has neither kspace nor a mask but {', '.join(names) or 'nothing'}"
            )
        array = find_array(file, name)
        if array.dtype.names != PARTS and array.dtype.kind != "c":
            raise ValueError(f"{name} should be complex numbers but is {array.dtype}")
        axes = _axes(name, array.ndim)
        if 0 in array.shape or max(array.shape) > LARGEST_SIDE:
            raise ValueError(f"{name} has the impossible shape {array.shape}")
        if array.dtype.names and not all(array.dtype[part].kind == "f" for part in PARTS):
            raise ValueError(f"{name} should be complex numbers but is {array.dtype}")
        of_slice = tuple(n for axis, n in zip(axes, array.shape, strict=True) if axis in "cyx")
        if not array.id.get_storage_size():
            raise ValueError(f"{name} was declared and never written")
        refuse_large(of_slice, array.dtype.itemsize, name)
        check_stored(array)
        return {"array": name, "axes": axes, "shape": list(array.shape)}


def _axes(name: str, ndim: int) -> str:
    """The meaning of the axes: time, slice, coil, y, x; without time or coil in some files."""
    known = {5: "tscyx", 4: "scyx", 3: "cyx"}
    if "single" in name.lower():
        known = {4: "tsyx", 3: "syx", 2: "yx"}
    if ndim not in known:
        raise ValueError(f"{name} has {ndim} axes; expected one of {', '.join(known.values())}")
    return known[ndim]


def _slices(about: About) -> list[tuple[int, int]]:
    if not about["array"]:
        return []
    sizes = dict(zip(about["axes"], about["shape"], strict=True))
    return [(s, t) for s in range(sizes.get("s", 1)) for t in range(sizes.get("t", 1))]


def _read(file: h5py.File, about: About, key: tuple[int, int]) -> dict[str, Any]:
    where = dict(zip("st", key, strict=True))
    axes = about["axes"]
    array = file[about["array"]][tuple(where[axis] for axis in axes if axis in "st")]
    if array.dtype.names:
        array = array["real"] + 1j * array["imag"]
    kspace = array.astype(np.complex64).swapaxes(-1, -2)  # [.., H, W]: readout along H
    kspace = kspace if "c" in axes else kspace[None]
    refuse_unusable(kspace, about["array"])
    image, mask, notes = image_or_mask(kspace, None, complete=False)
    attributes = {"slice": key[0], "time": key[1], "array": about["array"]}
    frames = dict(zip(axes, about["shape"], strict=True)).get("t", 1)
    return {
        "image": image,
        "slice_index": key[0] * frames + key[1],
        "kspace": kspace,
        "mask": mask,
        "attributes": attributes | ({"notes": notes} if notes else {}),
    }


def _subject(name: str, about: About) -> str:
    folders = [part for part in Path(name).parts[:-1] if SUBJECT.fullmatch(part)]
    return "/".join(folders) or name
