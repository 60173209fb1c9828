"""Complex k-space in .npy files, one array a file, and in .npz files, with a mask or without."""

import contextlib
import dataclasses
import functools
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from mript_jax.data.readers.files import remember
from mript_jax.data.readers.hdf5 import LARGEST_VOLUME
from mript_jax.data.readers.index import About
from mript_jax.data.readers.reference import image_or_mask, mask_of_slice, refuse_unusable
from mript_jax.data.readers.volumes import Format, VolumeSource
from mript_jax.errors import UserError
from mript_jax.physics.recognition.coils import looks_like_coils
from mript_jax.zip_files import read_array, read_header

# Names of arrays in .npz files, the first that is there.
KSPACE = ("kspace", "k_space", "k-space", "ksp", "kdata", "kspace_full")
MASK = ("mask", "masks", "sampling_mask", "undersampling_mask")
MAPS = ("sensitivities", "maps", "sens", "smaps", "csm", "sens_maps", "sensitivity_maps")
MASK_ENDING = "_mask.npy"  # of the mask beside an array
AXES = {2: "hw", 3: "shw", 4: "schw"}
EXPECTED = "complex k-space [H, W], [C, H, W], [S, H, W] or [S, C, H, W]"
DENSEST = 256  # times smaller than its content a compressed array of some size may be
SOME_SIZE = 2**28  # bytes


class NumpySource(VolumeSource):
    """A file or a folder of .npy and .npz files with k-space.

    coils: whether the first axis of three is that of coils: "auto" (it is where the images look
        like coils of one slice), "yes" or "no".
    axes: the meaning of the axes in their order, such as "hwcs": s slice, c coil, h readout, w
        phase encoding; by default "hw", "chw" or "shw" (see `coils`), "schw".
    mask: a .npy file [W], [H, W] or [S, H, W] of 0 and 1. By default the array `mask` of a .npz, or
        NAME_mask.npy beside NAME.npy, else samples that are zero in all coils were not measured.
    """

    def __init__(self, path: str | Path, coils: str = "auto", axes: str = "", mask: str = ""):
        if coils not in ("auto", "yes", "no"):
            raise UserError(f"coils={coils!r} must be auto, yes or no")
        if axes and (
            sorted(set(axes)) != sorted(axes) or not {"h", "w"} <= set(axes) <= set("schw")
        ):
            raise UserError(f"axes={axes!r} must be h and w, with s and c or without, each once")
        if mask and not Path(mask).is_file():
            raise UserError(f"mask={mask!r} does not exist")
        meaning = functools.partial(_axes, coils=coils, axes=axes)
        form = Format(
            kind="numpy-1",
            suffixes=(".npy", ".npz"),
            inspect=inspect_file,
            slices=functools.partial(_slices, meaning=meaning),
            open_file=Arrays,
            read=functools.partial(_read, meaning=meaning, mask=mask),
        )
        super().__init__(str(path), form)


@dataclasses.dataclass(frozen=True)
class Declared:
    """An array of a file, before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype


class Arrays:
    """An open file; what is in a .npz stays in memory, a .npy on disk."""

    def __init__(self, path: str):
        self.path = Path(path)
        self.read = remember(self._read, 4)

    def close(self) -> None:
        self.read.cache_clear()

    def declared(self) -> dict[str, Declared]:
        """The arrays by name, before they are read."""
        if self.path.suffix.lower() == ".npy":
            array = self._read("")
            return {"": Declared(array.shape, array.dtype)}
        with _open_npz(self.path) as file:
            members = [i for i in file.infolist() if i.filename.endswith(".npy")]
            return {i.filename[:-4]: _declared(file, i) for i in members}

    def _read(self, name: str) -> np.ndarray:
        if self.path.suffix.lower() == ".npy":
            return _open_npy(self.path)
        with _open_npz(self.path) as file:
            member = file.getinfo(f"{name}.npy")
            _declared(file, member)
            return read_array(file, member)


def inspect_file(path: str) -> About:
    """The name and axes of the array of k-space, if any, and of what comes with it."""
    if path.endswith(MASK_ENDING):
        return {"kspace": None}
    file = Arrays(path)
    try:
        arrays = file.declared()
        name = _name_of_kspace(arrays)
        shape, pairs = list(arrays[name].shape), arrays[name].dtype.kind == "f"
        shape = shape[:-1] if pairs else shape
        if len(shape) not in AXES or 0 in shape:
            raise ValueError(f"holds {_listed(arrays)}; expected {EXPECTED}")
        kspace = functools.partial(_complex, file, name, pairs)
        return {
            "kspace": name,
            "pairs": pairs,
            "shape": shape,
            "looks_like_coils": len(shape) == 3 and looks_like_coils(np.asarray(kspace())),
            "mask": _first(MASK, arrays),
            "maps": _first(MAPS, arrays) is not None,
        }
    finally:
        file.close()


def _open_npy(path: Path) -> np.ndarray:
    """The array of a file that is as long as its header asks for; it stays on disk."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (TokenError, SyntaxError) as error:
        raise ValueError(f"its header cannot be read: {error}") from error
    if not isinstance(array, np.memmap) or array.offset + array.nbytes != path.stat().st_size:
        raise ValueError(f"has {path.stat().st_size} bytes, other than {array.shape} asks for")
    return array


@contextlib.contextmanager
def _open_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """The members of a file; what its damage raises is a ValueError."""
    try:
        with zipfile.ZipFile(path) as file:
            yield file
    except (zipfile.BadZipFile, struct.error) as error:
        raise ValueError(f"is a damaged .npz file: {error}") from error


def _declared(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> Declared:
    """An array of a .npz; one that memory could not hold is a ValueError."""
    header = read_header(file, member)
    size = header.nbytes
    squeezed = size > SOME_SIZE and size > DENSEST * max(member.compress_size, 1)
    if size > LARGEST_VOLUME or squeezed or size > member.file_size:
        raise ValueError(f"{member.filename} declares {size} bytes, which cannot be")
    return Declared(header.shape, header.dtype)


def _name_of_kspace(arrays: dict[str, Declared]) -> str:
    """The array with the name of k-space, or the only one that can be it."""
    possible = [
        name
        for name, array in arrays.items()
        if array.dtype.kind == "c" or (array.dtype.kind == "f" and array.shape[-1:] == (2,))
    ]
    named = _first(KSPACE, {name: arrays[name] for name in possible})
    unnamed = [name for name in possible if name.lower() not in MAPS]
    if named is None and len(unnamed) != 1:
        raise ValueError(f"holds {_listed(arrays)}; expected {EXPECTED}, in a .npz named kspace")
    return unnamed[0] if named is None else named


def _first(names: tuple[str, ...], arrays: dict[str, Declared]) -> str | None:
    found = {name.lower(): name for name in arrays}
    return next((found[name] for name in names if name in found), None)


def _complex(file: Arrays, name: str, pairs: bool) -> np.ndarray:
    """The array, of real and imaginary parts along its last axis if it is of `pairs`."""
    array = file.read(name)
    if not pairs:
        return array
    return array[..., 0] + 1j * array[..., 1].astype(np.complex64)


def _axes(about: About, coils: str, axes: str) -> str:
    ndim = len(about["shape"])
    if axes:
        if len(axes) != ndim:
            raise UserError(f"axes={axes!r} does not name the axes of an array {about['shape']}")
        return axes
    first = coils == "yes" or (coils == "auto" and about["looks_like_coils"])
    return "chw" if ndim == 3 and first else AXES[ndim]


def _slices(about: About, meaning: Any) -> range:
    if about["kspace"] is None:
        return range(0)
    axes = meaning(about)
    return range(about["shape"][axes.index("s")] if "s" in axes else 1)


def _read(file: Arrays, about: About, number: int, meaning: Any, mask: str) -> dict[str, Any]:
    axes = meaning(about)
    array = _complex(file, about["kspace"], about["pairs"])
    if list(array.shape) != about["shape"]:
        raise ValueError(f"its shape is no longer {about['shape']}")
    if "s" in axes:
        array, axes = np.take(array, number, axis=axes.index("s")), axes.replace("s", "")
    if "c" not in axes:
        array, axes = array[None], f"c{axes}"
    kspace = np.array(array.transpose([axes.index(axis) for axis in "chw"]), np.complex64)
    refuse_unusable(kspace, "kspace")
    image, measured, notes = image_or_mask(kspace, None)
    stored = _stored_mask(file, about, mask)
    if stored is not None:
        slices = len(_slices(about, meaning))
        measured = mask_of_slice(stored, kspace.shape[-2:], number, slices)
        kspace = kspace * measured
        refuse_unusable(kspace, "kspace at the samples of its mask")
    if about["maps"]:
        notes = [*notes, "left out: sensitivity maps, which are estimated anew"]
    return {
        "image": image,
        "slice_index": number,
        "kspace": kspace,
        "mask": measured,
        "attributes": {"notes": notes} if notes else {},
    }


def _stored_mask(file: Arrays, about: About, mask: str) -> np.ndarray | None:
    """The array of the mask: that of the option, of the .npz, or of the file beside the .npy."""
    beside = file.path.with_name(file.path.stem + MASK_ENDING)
    if not mask and about["mask"] is not None:
        return file.read(about["mask"])
    if mask or (file.path.suffix.lower() == ".npy" and beside.is_file()):
        return _open_npy(Path(mask or beside))
    return None


def _listed(arrays: dict[str, Declared]) -> str:
    found = [f"{n} {a.dtype} {list(a.shape)}".strip() for n, a in arrays.items()]
    return ", ".join(found) or "no array"
