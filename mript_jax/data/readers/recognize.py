"""The format of a file, recognized from its content, and the scans of a folder of mixed files."""

import dataclasses
import gzip
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py

from mript_jax.data.readers import READERS, open_source, option_names
from mript_jax.data.readers.base import Source
from mript_jax.data.readers.files import find_files, refuse_escape
from mript_jax.data.readers.numpy_array import MASK_ENDING
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError, unknown_name_error

HEAD = 512  # bytes of a file that are looked at
GZIP = b"\x1f\x8b"
MAGIC = {  # format -> places in the file, and the bytes there
    "numpy": ((0, b"\x93NUMPY"),),
    "dicom": ((128, b"DICM"),),
    "nifti": (
        *((344, b"n+1\0"), (344, b"ni1\0"), (4, b"n+2\0"), (4, b"ni2\0")),  # NIfTI-1 and -2
        (0, b"\0\0\0\x01\0\0"),  # MGH: version 1, and the first half of a side
        (0, b"CDF\x01"),  # MINC 1
    ),
    "images": tuple((0, m) for m in (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")),
    "cfl": ((0, b"# Dimensions"),),  # the header
    "cmrxrecon": ((0, b"MATLAB"),),
}
SHARDS = "dataset.json"  # the index of a folder that `mript prepare` wrote
DICOM_ENDINGS = (".dcm", ".ima")
# A file with such an ending is a scan, so that one that is not recognized is damaged.
SCAN_ENDINGS = (
    *(".h5", ".hdf5", ".mrd", ".mat", ".npy", ".npz", ".cfl", ".nii", ".nii.gz", ".mgz", ".mgh"),
    *(".mnc", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"),
)


@dataclasses.dataclass(frozen=True)
class ScanFile:
    """A file, or a folder whose files belong together, with the reader for it."""

    path: Path
    format: str | None  # of READERS; None: not recognized
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # of this or other readers
    folder: str = ""  # where the file lies below the folder that was looked through
    defect: str = "is no scan of a known format; --format=NAME overrules"  # where not recognized

    def open(self) -> Source:
        """Its slices; one that cannot be read is a UserError."""
        if self.format is None:
            raise UserError(f"{self.path} {self.defect}")
        known = option_names(self.format)
        options = {name: value for name, value in self.options.items() if name in known}
        return open_source(self.format, str(self.path), **options)


def find_scans(
    path: str | Path, format: str = "", options: Mapping[str, Any] | None = None
) -> list[ScanFile]:
    """The scans of a file, of a folder with all below it, or of a name with wildcards.

    Args:
      path: what to look through. A damaged scan is among the scans, and fails when it is opened;
        other files that lie beside scans, such as notes, are not.
      format: a reader of READERS for all, instead of the recognized ones.
      options: of the readers; each is for those that have it.
    """
    options = options or {}
    if format and format not in READERS:
        raise unknown_name_error("data source", format, READERS)
    if format or (Path(path) / SHARDS).exists():
        scan = ScanFile(Path(path), format or "arrayrecord", options)
        _check_options(options, [scan])
        return [scan]
    root, names = find_files(path, ("",))
    alone = Path(path).is_file()
    scans: dict[Path, ScanFile] = {}
    dicom: list[Path] = []
    masks = {name.removesuffix(".npy") + MASK_ENDING for name in names}
    for name in names if alone else [name for name in names if name not in masks]:
        file = _numbers_of(root / name)
        try:
            refuse_escape(root, file)
        except BrokenRecord as error:
            scans[file] = ScanFile(file, None, defect=error.why)
            continue
        found = recognize_format(file)
        if found is None and name.lower().endswith(DICOM_ENDINGS):
            found = "dicom"
        if found == "dicom" and not alone:
            dicom.append(file)
        elif found or alone or name.lower().endswith(SCAN_ENDINGS):
            scans[file] = ScanFile(file, found, options, _folder(file, root))
    if dicom:  # together, since the files of a series may lie in several folders
        place = Path(os.path.commonpath([file.parent for file in dicom]))
        scans[place] = ScanFile(place, "dicom", options, _folder(place, root))
    if not scans:
        raise UserError(f"{path}: none of its {len(names)} files is a scan of a known format")
    _check_options(options, list(scans.values()))
    return list(scans.values())


def recognize_format(path: str | Path) -> str | None:
    """The reader of a file, by its first bytes and the names in it; None: of no known format."""
    path = Path(path)
    if not path.is_file():  # a pipe would never end
        return None
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
        if head.startswith(GZIP):
            with gzip.open(path) as unpacked:
                head = unpacked.read(HEAD)
        if h5py.is_hdf5(path):
            return _hdf5_format(path, head)
    except (OSError, EOFError, zlib.error):
        return None
    for name, places in MAGIC.items():
        if any(head[start : start + len(magic)] == magic for start, magic in places):
            return name
    if path.suffix == ".cfl" and path.with_suffix(".hdr").is_file():  # plain numbers
        return "cfl"
    return "numpy" if _is_npz(path) else None


def _folder(path: Path, root: Path) -> str:
    """The folder of a path below the root, or "" where it is the root's own."""
    parent = path.relative_to(root).parent if path != root else Path()
    return "" if parent == Path() else str(parent)


def _check_options(options: Mapping[str, Any], scans: Sequence[ScanFile]) -> None:
    """Refuse an option that none of the scans' readers has."""
    formats = sorted({scan.format for scan in scans if scan.format})
    known = {name for form in formats for name in option_names(form)} if options else set()
    for option in options:
        if option not in known:
            raise unknown_name_error(f"option of {', '.join(formats)} data", option, known)


def _hdf5_format(path: Path, head: bytes) -> str:
    """By the names in the file, since several formats are HDF5; fastMRI's where none fits."""
    try:
        with h5py.File(path, "r") as file:
            names = {name.lower() for name in file}
            groups = [value for value in file.values() if isinstance(value, h5py.Group)]
            if "minc-2.0" in names:
                return "nifti"
            if any({"data", "xml"} <= set(group) for group in groups):
                return "ismrmrd"
    except (OSError, KeyError, RuntimeError):
        return "fastmri"
    matlab = head.startswith(b"MATLAB") or (
        "kspace" not in names and any(name.startswith(("kspace", "kdata")) for name in names)
    )
    return "cmrxrecon" if matlab else "fastmri"


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _numbers_of(path: Path) -> Path:
    """The .cfl of a .hdr, which are one scan; any other file as it is."""
    numbers = path.with_suffix(".cfl")
    return numbers if path.suffix == ".hdr" and numbers.is_file() else path
