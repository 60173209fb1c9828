"""fastMRI's HDF5 volumes: knee, brain and prostate, single- and multi-coil, test files too.

A volume holds `kspace` [S, H, W] or [S, C, H, W] (prostate: [averages, S, C, H, W]), mostly
`reconstruction_esc` or `reconstruction_rss` [S, h, w], in test files a `mask` [W], and the
ISMRMRD header as XML. A mask [H, W] of another scanner's sampling will do as well, and one for each
slice or frame, [S, W] or [S, H, W].
"""

import contextlib
import functools
import math
import re
from pathlib import Path, PurePath
from typing import Any

import h5py
import numpy as np

from mript_jax.data.pseudonyms import pseudonym
from mript_jax.data.readers.hdf5 import (
    check_stored,
    find_array,
    find_arrays,
    is_readable,
    list_names,
    open_hdf5,
    refuse_large,
)
from mript_jax.data.readers.header import read_header
from mript_jax.data.readers.heap import Heaps
from mript_jax.data.readers.index import About
from mript_jax.data.readers.reference import image_or_mask, mask_of_slice, refuse_unusable
from mript_jax.data.readers.volumes import Format, VolumeSource

SINGLE_COIL = ("reconstruction_esc", "reconstruction_rss", "reconstruction")  # first that is there
MULTI_COIL = ("reconstruction_rss", "reconstruction_esc", "reconstruction")
OFFICIAL = {"train": "train", "val": "validation", "test": "test"}
# Folders of the publisher's: singlecoil_val, knee_multicoil_train, brain_multicoil_test_batch_0.
OFFICIAL_FOLDER = re.compile(r"(?:.*[^a-z])?(?:single|multi)coil_(train|val|test)(?:[^a-z].*)?")
ATTRIBUTES = ("acquisition", "acceleration", "num_low_frequency")
PATIENT, MAXIMUM = "patient_id", "max"
HEADER = "ismrmrd_header"
LARGEST_SIDE = 8192  # of a slice; beyond it the file is damaged


class FastMRISource(VolumeSource):
    """The slices of a file or of a folder of files.

    skip_ends: so many slices are left out at both ends of a volume (MR-IPT: 5).
    acquisition: only volumes of these `acquisition` attributes, such as "CORPD_FBK,CORPDFS_FBK".
    kspace: whether records carry the measured k-space (reading it is slow when it is not needed).
    """

    def __init__(self, path: str, skip_ends: int = 0, acquisition: str = "", kspace: bool = True):
        options: dict[str, Any] = {"skip_ends": skip_ends, "wanted": acquisition}
        form = Format(
            kind="fastmri-3",
            suffixes=(".h5", ".hdf5"),
            inspect=inspect_file,
            slices=functools.partial(_slices, **options),
            open_file=open_hdf5,
            read=functools.partial(_read, with_kspace=kspace),
            volume=_file_name,
            subject=_patient,
            explain=functools.partial(_explain, **options),
        )
        super().__init__(path, form)
        official = {name: _official_split(self.root / name) for name in dict.fromkeys(self.names)}
        if any(official.values()):
            self.official_splits = [official[name] for name in self.names]


def inspect_file(path: str) -> About:
    """All of a file but its arrays."""
    with open_hdf5(path) as file:
        names = list_names(file)
        kspace = find_array(file, "kspace") if "kspace" in file else None
        shape = [] if kspace is None else list(kspace.shape)
        references = SINGLE_COIL if len(shape) == 3 else MULTI_COIL
        reference = next((name for name in references if name in file), None)
        if not shape and reference is None:
            found = ", ".join(file) or "nothing"
            raise ValueError(f"it has neither kspace nor a reconstruction but {found}")
        if kspace is not None:
            _check_array(kspace, "kspace", "c", most_axes=5)
        counts = [shape[1 if len(shape) == 5 else 0]] if shape else []
        if reference:
            _check_array(find_array(file, reference), reference, "fiu", most_axes=3)
            counts.append(file[reference].shape[0])
        slices = counts[0]
        if slices != counts[-1]:
            raise ValueError(f"kspace has {slices} slices, {reference} {counts[-1]}")
        if "mask" in file:
            _check_mask(find_array(file, "mask"), shape, slices)
        with contextlib.closing(Heaps(file)) as heaps:
            heaps.check_beside(find_arrays(file), (PATIENT, MAXIMUM, *ATTRIBUTES), names)
            header = read_header(heaps.text(find_array(file, HEADER))) if HEADER in file else {}
        attributes = {key: _plain(key, file) for key in ATTRIBUTES if key in file.attrs}
        patient = {}
        if PATIENT in file.attrs:
            patient["subject"] = pseudonym(str(_plain(PATIENT, file)))
        geometry = {key: header[key] for key in ("recon_size", "padding") if key in header}
        return {
            "slices": int(slices),
            "kspace_shape": shape,
            "reference": reference,
            "mask": "mask" in file,
            "maximum": _maximum(file),
            "attributes": {**attributes, **geometry},
            **patient,
        }


def _slices(about: About, skip_ends: int, wanted: str) -> range:
    if wanted and about["attributes"].get("acquisition") not in wanted.split(","):
        return range(0)
    return range(skip_ends, about["slices"] - skip_ends)


def _read(file: h5py.File, about: About, number: int, with_kspace: bool) -> dict[str, Any]:
    kspace, mask, image = None, None, None
    notes: list[str] = []
    if about["mask"]:
        shape = about["kspace_shape"][-2:]
        mask = mask_of_slice(file["mask"][()], shape, number, about["slices"])
    if about["kspace_shape"] and (with_kspace or not (about["reference"] or about["mask"])):
        kspace = _kspace_slice(file["kspace"], number)
        refuse_unusable(kspace, "kspace")
    if about["reference"]:
        image = file[about["reference"]][number].astype(np.float32)
        refuse_unusable(image, about["reference"])
    elif kspace is not None and not about["mask"]:
        image, mask, notes = image_or_mask(
            kspace, about["attributes"].get("recon_size"), complete=False
        )
    return {
        "image": image,
        "slice_index": number,
        "kspace": kspace if with_kspace else None,
        "mask": mask,
        "maximum": about["maximum"],
        "attributes": about["attributes"] | ({"notes": notes} if notes else {}),
    }


def _kspace_slice(dataset: h5py.Dataset, number: int) -> np.ndarray:
    """[C, H, W]; averages, of which each may have measured other lines, are put together."""
    if dataset.ndim == 5:
        averages = dataset[:, number]  # [A, C, H, W]
        measured = averages.any(axis=(1, 2), keepdims=True).sum(axis=0)  # [1, 1, W]
        return (averages.sum(axis=0) / np.maximum(measured, 1)).astype(np.complex64)
    kspace = dataset[number].astype(np.complex64, copy=False)
    return kspace if kspace.ndim == 3 else kspace[None]


def _file_name(name: str, about: About) -> str:
    return PurePath(name).name


def _patient(name: str, about: About) -> str:
    return str(about.get("subject", PurePath(name).name))


def _explain(abouts: list[About], skip_ends: int, wanted: str) -> str:
    acquisitions = [about["attributes"].get("acquisition") for about in abouts]
    chosen = [
        about["slices"]
        for about, acquisition in zip(abouts, acquisitions, strict=True)
        if not wanted or acquisition in wanted.split(",")
    ]
    if chosen:
        return (
            f"{skip_ends=} leaves out {2 * skip_ends} slices of each volume, and the longest has "
            f"{max(chosen)}; use skip_ends={(max(chosen) - 1) // 2} or less"
        )
    seen = sorted({str(acquisition) for acquisition in acquisitions})
    return f"acquisition={wanted!r}; the acquisitions there: {', '.join(seen)}"


def _official_split(path: Path) -> str:
    """The split that the innermost folder with an official name tells; "" without any."""
    for folder in path.absolute().parts[-2::-1]:
        match = OFFICIAL_FOLDER.fullmatch(folder.lower())
        if match:
            return OFFICIAL[match[1]]
    return ""


def _check_array(array: h5py.Dataset, name: str, kinds: str, most_axes: int) -> None:
    if array.dtype.kind not in kinds:
        wanted = "complex" if kinds == "c" else "real"
        raise ValueError(f"{name} should be {wanted} numbers but is {array.dtype}")
    wrong_axes = not 3 <= array.ndim <= most_axes
    if wrong_axes or 0 in array.shape or max(array.shape) > LARGEST_SIDE:
        raise ValueError(f"{name} has the impossible shape {array.shape}")
    averages = array.shape[:1] if array.ndim == 5 else ()
    of_slice = array.shape[2 if array.ndim == 5 else 1 :]
    refuse_large((*averages, *of_slice), array.dtype.itemsize, name)
    check_stored(array)


def _check_mask(mask: h5py.Dataset, shape: list[int], slices: int) -> None:
    of_one = (shape[-1], shape[-2] * shape[-1]) if shape else ()
    fitting = (*of_one, *(slices * size for size in of_one))
    if mask.dtype.kind not in "bfiu":
        raise ValueError(f"its mask should be numbers but is {mask.dtype}")
    if mask.size not in fitting:
        raise ValueError(f"its mask is {list(mask.shape)}, its kspace {shape}")
    refuse_large(mask.shape, mask.dtype.itemsize, "mask")
    check_stored(mask)


def _maximum(file: h5py.File) -> float | None:
    if MAXIMUM not in file.attrs:
        return None
    value = _plain(MAXIMUM, file)
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"its attribute max is {value!r}, not the maximum of magnitudes")
    return float(value) or None


def _plain(key: str, file: h5py.File) -> str | int | float:
    """An attribute as JSON holds it: a text or a number, also if it is an array of one."""
    stored = file.attrs.get_id(key)
    if not is_readable(stored.dtype) or math.prod(stored.shape or ()) != 1:
        raise ValueError(f"its attribute {key} is neither one text nor one number")
    value = file.attrs[key]
    if isinstance(value, np.ndarray | np.generic) and value.size == 1:
        value = value.item()
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"its attribute {key} is {value}")
    if not isinstance(value, str | int | float):
        raise ValueError(f"its attribute {key} is a {type(value).__name__}, not text or a number")
    return value
