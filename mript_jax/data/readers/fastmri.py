"""fastMRI's HDF5 volumes: knee, brain and prostate, single- and multi-coil, test files too.

A volume holds `kspace` [S, H, W] or [S, C, H, W] (prostate: [averages, S, C, H, W]), mostly
`reconstruction_esc` or `reconstruction_rss` [S, h, w], in test files a `mask` [W], and the
ISMRMRD header as XML.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mript_jax.data.index import cached_index
from mript_jax.data.readers.files import OpenFiles, find_files, refuse_escape
from mript_jax.data.readers.header import read_header
from mript_jax.data.records import BlankRecord, BrokenRecord, Record
from mript_jax.errors import UserError
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.recognise import recognise_kspace

SINGLE_COIL = (
    "reconstruction_esc",
    "reconstruction_rss",
    "reconstruction",
)  # the first that is there
MULTI_COIL = ("reconstruction_rss", "reconstruction_esc", "reconstruction")
OFFICIAL = {"train": "train", "val": "validation", "test": "test"}  # singlecoil_val and the like
ATTRIBUTES = ("acquisition", "patient_id", "acceleration", "num_low_frequency")
OPEN_FILES = 8  # that a thread keeps
LARGEST_SIDE = 8192  # of a slice; beyond it a header is damaged


class FastMRISource:
    """The slices of a file or of a folder of files.

    skip_ends: so many slices are left out at both ends of a volume (MR-IPT: 5).
    acquisition: only volumes of these `acquisition` attributes, such as "CORPD_FBK,CORPDFS_FBK".
    kspace: whether records carry the measured k-space (reading it is slow when it is not needed).
    """

    def __init__(self, path: str, skip_ends: int = 0, acquisition: str = "", kspace: bool = True):
        self._root, names = find_files(path, (".h5", ".hdf5"))
        self._index = cached_index(self._root, names, self._inspect, "fastmri-1")
        self._kspace = kspace
        wanted = set(acquisition.split(",")) if acquisition else None
        self._entries: list[tuple[str, int]] = []
        for name in names:
            about = self._index[name]
            if "broken" in about:  # one element, which says so when it is read
                self._entries.append((name, 0))
            elif wanted is None or about["attributes"].get("acquisition") in wanted:
                slices = range(about["slices"])[skip_ends : about["slices"] - skip_ends]
                self._entries += [(name, i) for i in slices]
        if all("broken" in self._index[name] for name, _ in self._entries):
            abouts = [about for about in self._index.values() if "broken" not in about]
            seen = sorted({about["attributes"].get("acquisition", "none") for about in abouts})
            raise UserError(
                f"no slice left in {path} with acquisition={acquisition!r} and "
                f"skip_ends={skip_ends}; the acquisitions there: {', '.join(seen)}"
            )
        self.groups = [Path(name).name for name, _ in self._entries]
        self.subjects = [
            self._index[name].get("attributes", {}).get("patient_id", Path(name).name)
            for name, _ in self._entries
        ]
        official = {name: _official_split(self._root / name) for name in names}
        if len({split for split in official.values() if split}) > 1:
            self.official_splits = [official[name] for name, _ in self._entries]
        self._open = OpenFiles(h5py.File, OPEN_FILES)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Record:
        name, number = self._entries[index]
        about, path = self._index[name], str(self._root / name)
        if "broken" in about:
            raise BrokenRecord(path, about["broken"])
        try:
            return self._read(self._open(path), about, f"{path} slice {number}", name, number)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise BrokenRecord(f"{path} slice {number}", f"cannot be read: {error}") from error

    def _read(
        self, file: h5py.File, about: dict[str, Any], what: str, name: str, number: int
    ) -> Record:
        kspace, mask, image = None, None, None
        if about["mask"]:
            line = np.asarray(file["mask"], np.float32).reshape(1, -1)
            mask = np.broadcast_to(line, about["kspace_shape"][-2:])
        if about["kspace_shape"] and (self._kspace or not (about["reference"] or about["mask"])):
            kspace = read_kspace_slice(file["kspace"], number)
            _refuse_unusable(kspace, f"{what}: kspace")
        if about["reference"]:
            image = file[about["reference"]][number].astype(np.float32)
        elif kspace is not None and mask is None:
            mask = _undersampling(kspace)
            image = image_from_kspace(kspace, about["recon_size"]) if mask is None else None
        if image is not None:
            _refuse_unusable(image, f"{what}: {about['reference'] or 'the image of its kspace'}")
        geometry = {key: about[key] for key in ("recon_size", "padding") if about[key]}
        return Record(
            image,
            Path(name).name,
            number,
            kspace=kspace if self._kspace else None,
            mask=mask,
            maximum=about["maximum"],
            attributes={**about["attributes"], **geometry},
        )

    def _inspect(self, path: Path) -> dict[str, Any]:
        refuse_escape(self._root, path)
        try:
            with h5py.File(path, "r") as file:
                return inspect_volume(file)
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise BrokenRecord(str(path), f"cannot be read (cut short?): {error}") from error


def inspect_volume(file: h5py.File) -> dict[str, Any]:
    """What the index keeps of a file: all of it but the arrays."""
    shape = list(file["kspace"].shape) if "kspace" in file else []
    names = SINGLE_COIL if len(shape) == 3 else MULTI_COIL
    reference = next((name for name in names if name in file), None)
    if not shape and reference is None:
        raise ValueError(
            f"it has neither kspace nor a reconstruction but {', '.join(file) or 'nothing'}"
        )
    for name in filter(None, ("kspace" if shape else None, reference)):
        _check_array(file[name], name, "c" if name == "kspace" else "fiu")
    slices = shape[1 if len(shape) == 5 else 0] if shape else file[reference].shape[0]
    if reference is not None and file[reference].shape[0] != slices:
        raise ValueError(f"kspace has {slices} slices, {reference} has {file[reference].shape[0]}")
    if "mask" in file and (not shape or file["mask"].size != shape[-1]):
        raise ValueError(f"its mask has {file['mask'].size} columns, its kspace {shape[-1:]}")
    header = read_header(file["ismrmrd_header"][()]) if "ismrmrd_header" in file else {}
    return {
        "slices": int(slices),
        "kspace_shape": shape,
        "reference": reference,
        "mask": "mask" in file,
        "maximum": float(file.attrs["max"]) if "max" in file.attrs else None,
        "recon_size": header.get("recon_size"),
        "padding": header.get("padding"),
        "attributes": {k: _plain(file.attrs[k]) for k in ATTRIBUTES if k in file.attrs},
    }


def read_kspace_slice(dataset: h5py.Dataset, number: int) -> np.ndarray:
    """[C, H, W]; averages, of which each may have measured other lines, are put together."""
    if dataset.ndim == 5:
        averages = dataset[:, number]  # [A, C, H, W]
        measured = averages.any(axis=(1, 2), keepdims=True).sum(axis=0)  # [1, 1, W]
        return (averages.sum(axis=0) / np.maximum(measured, 1)).astype(np.complex64)
    kspace = dataset[number].astype(np.complex64, copy=False)
    return kspace if kspace.ndim == 3 else kspace[None]


def image_from_kspace(kspace: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """The reference as fastMRI makes it: coil images, center-cropped, root-sum-of-squares."""
    images = ifft2c(kspace)
    if size is not None:
        h, w = (min(wanted, have) for wanted, have in zip(size, images.shape[-2:], strict=True))
        top, left = (images.shape[-2] - h) // 2, (images.shape[-1] - w) // 2
        images = images[..., top : top + h, left : left + w]
    return root_sum_of_squares(images, axis=0).astype(np.float32)


def _undersampling(kspace: np.ndarray) -> np.ndarray | None:
    """The mask of what was measured, or None where that is everything between two empty margins."""
    columns = kspace.any(axis=(0, 1))
    inside = np.flatnonzero(columns)
    if columns[inside[0] : inside[-1] + 1].all():
        return None
    return recognise_kspace(kspace)


def _official_split(path: Path) -> str:
    """The split that fastMRI's folder names tell, such as that of multicoil_val."""
    for folder in path.parts[-2:0:-1]:
        head, _, tail = folder.lower().partition("coil_")
        if head in ("single", "multi") and tail.split("_")[0] in OFFICIAL:
            return OFFICIAL[tail.split("_")[0]]
    return ""


def _check_array(array: h5py.Dataset, name: str, kinds: str) -> None:
    if array.dtype.kind not in kinds:
        wanted = "complex" if kinds == "c" else "real"
        raise ValueError(f"{name} should be {wanted} numbers but is {array.dtype}")
    most = 5 if name == "kspace" else 3
    if not 3 <= array.ndim <= most or 0 in array.shape or max(array.shape) > LARGEST_SIDE:
        raise ValueError(f"{name} has the impossible shape {array.shape}")


def _plain(value: Any) -> str | int | float:
    value = value.item() if isinstance(value, np.generic) else value
    return value.decode() if isinstance(value, bytes) else value


def _refuse_unusable(array: np.ndarray, what: str) -> None:
    if not np.isfinite(array).all():
        raise BrokenRecord(what, "holds NaN or infinity")
    if not array.any():
        raise BlankRecord(what, "is all zero")
