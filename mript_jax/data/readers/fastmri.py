"""fastMRI's HDF5 volumes: knee, brain and prostate, single- and multi-coil, with or without reference.

A volume holds `kspace` [S, H, W] or [S, C, H, W], mostly `reconstruction_esc` or
`reconstruction_rss` [S, h, w], in test files a `mask` [W], and the ISMRMRD header as XML.
"""

import collections
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mript_jax.data.index import cached_index
from mript_jax.data.readers.files import list_files
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.errors import UserError
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c

REFERENCES = ("reconstruction_rss", "reconstruction_esc", "reconstruction")
OPEN_FILES = 8  # handles that a process keeps


class FastMRISource:
    """The slices of a file or of a folder of files.

    skip_ends: so many slices are left out at both ends of a volume (MR-IPT: 5).
    acquisition: only volumes of this `acquisition` attribute, such as CORPD_FBK; "" takes all.
    kspace: whether records carry the measured k-space (reading it is slow when it is not needed).
    """

    def __init__(
        self, path: str, skip_ends: int = 0, acquisition: str = "", kspace: bool = True
    ):
        files = list_files(path, (".h5", ".hdf5"))
        root = Path(path) if Path(path).is_dir() else Path(path).parent
        index = cached_index(root, files, _inspect)
        self._kspace = kspace
        self._entries: list[tuple[str, int]] = []
        for file in files:
            about = index[str(file)]
            if acquisition and about["acquisition"] != acquisition:
                continue
            slices = range(about["slices"])[skip_ends : about["slices"] - skip_ends]
            self._entries += [(str(file), i) for i in slices]
        if not self._entries:
            seen = sorted({about["acquisition"] for about in index.values()})
            raise UserError(
                f"no slice left in {path} with acquisition={acquisition!r} and "
                f"skip_ends={skip_ends}; the acquisitions there: {', '.join(seen)}"
            )
        self.groups = [Path(file).name for file, _ in self._entries]
        self._handles: collections.OrderedDict[str, h5py.File] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Record:
        path, number = self._entries[index]
        try:
            return self._read(path, self._open(path), number)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise BrokenRecord(f"{path} slice {number}", str(error)) from error

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handles": collections.OrderedDict()}

    def _open(self, path: str) -> h5py.File:
        if path not in self._handles:
            while len(self._handles) >= OPEN_FILES:
                self._handles.popitem(last=False)[1].close()
            self._handles[path] = h5py.File(path, "r")
        self._handles.move_to_end(path)
        return self._handles[path]

    def _read(self, path: str, file: h5py.File, number: int) -> Record:
        reference = next((name for name in REFERENCES if name in file), None)
        mask = np.asarray(file["mask"], np.float32) if "mask" in file else None
        kspace = None
        if "kspace" in file and (self._kspace or (reference is None and mask is None)):
            kspace = np.asarray(file["kspace"][number], np.complex64)
            kspace = kspace if kspace.ndim == 3 else kspace[None]  # [C, H, W]
            _refuse_unusable(kspace, f"{path} slice {number}: kspace")
        size = recon_size(file)
        if reference is not None:
            image = np.asarray(file[reference][number], np.float32)
        elif mask is None and kspace is not None:
            image = image_from_kspace(kspace, size)
        else:
            image = None
        if image is not None:
            _refuse_unusable(image, f"{path} slice {number}: {reference or 'image'}")
        if mask is not None and kspace is not None:
            mask = np.broadcast_to(mask.reshape(-1, kspace.shape[-1]), kspace.shape[-2:])
        attributes = {"acquisition": str(file.attrs.get("acquisition", ""))}
        if size is not None:
            attributes["recon_size"] = size
        return Record(
            image,
            Path(path).name,
            number,
            kspace=kspace if self._kspace else None,
            mask=mask,
            maximum=float(file.attrs["max"]) if "max" in file.attrs else None,
            attributes=attributes,
        )


def image_from_kspace(kspace: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """The reference as fastMRI makes it: coil images, center-cropped, root-sum-of-squares."""
    images = ifft2c(kspace)
    if size is not None:
        h, w = (min(wanted, have) for wanted, have in zip(size, images.shape[-2:], strict=True))
        top, left = (images.shape[-2] - h) // 2, (images.shape[-1] - w) // 2
        images = images[..., top : top + h, left : left + w]
    return root_sum_of_squares(images, axis=0).astype(np.float32)


def recon_size(file: h5py.File) -> tuple[int, int] | None:
    """Height and width of the reconstruction, from the ISMRMRD header."""
    if "ismrmrd_header" not in file:
        return None
    text = file["ismrmrd_header"][()]
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"its ismrmrd_header is not XML: {error}") from error
    sizes = [int(e.text) for axis in "xy" for e in root.iterfind(f".//{{*}}reconSpace/{{*}}matrixSize/{{*}}{axis}")]
    if len(sizes) != 2 or not all(0 < n <= 4096 for n in sizes):
        raise ValueError(f"its header names an impossible reconstruction size {sizes}")
    return tuple(sizes)


def _inspect(path: Path) -> dict[str, Any]:
    """What the index keeps of a file."""
    try:
        with h5py.File(path, "r") as file:
            name = next((n for n in ("kspace", *REFERENCES) if n in file), None)
            if name is None:
                raise UserError(f"{path} has neither kspace nor a reconstruction: {list(file)}")
            return {
                "slices": int(file[name].shape[0]),
                "acquisition": str(file.attrs.get("acquisition", "")),
            }
    except OSError as error:
        raise UserError(f"{path} cannot be read as HDF5 (truncated?): {error}") from error


def _refuse_unusable(array: np.ndarray, what: str) -> None:
    if not np.isfinite(array).all():
        raise BrokenRecord(what, "holds NaN or infinity")
    if not array.any():
        raise BrokenRecord(what, "is all zero")
