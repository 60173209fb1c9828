"""The generated head as files of the formats that scanners and tools write."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from mript_jax.data.mrd import ACQUISITION, to_lps
from mript_jax.data.phantom.image_files import write_dicom, write_nifti
from mript_jax.data.phantom.scan import ANATOMY, HeadScan
from mript_jax.data.phantom.volume import OVERSAMPLING, header, write_fastmri_h5
from mript_jax.data.readers.cfl import write_cfl
from mript_jax.errors import UserError, named_missing_package, unknown_name_error


def write_phantom(path: Path, form: str, scan: HeadScan) -> Path:
    """Write a scan in a format of WRITERS; the path of what was written."""
    if form not in WRITERS:
        raise unknown_name_error("format", form, WRITERS)
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file in it")
    path.parent.mkdir(parents=True, exist_ok=True)
    with named_missing_package(f"--format={form} needs", extra=form):
        return WRITERS[form](path, scan)


def _write_fastmri(path: Path, scan: HeadScan) -> Path:
    _refuse_points(scan)
    write_fastmri_h5(
        path,
        scan.seed,
        0,
        slices=scan.slices,
        size=scan.size,
        coils=scan.coils,
        mask=scan.sampling(),
        anatomies=ANATOMY,
    )
    return path


def _write_ismrmrd(path: Path, scan: HeadScan) -> Path:
    """The lines in the order of a multi-slice scan: slice by slice within a phase-encoding step."""
    _refuse_points(scan)
    shape = rows, _ = (OVERSAMPLING * scan.size, scan.size)
    sampled = np.flatnonzero(scan.mask(shape)[0])
    table = np.zeros((len(sampled), scan.slices), ACQUISITION)
    head = table["head"]
    head["version"], head["number_of_samples"], head["center_sample"] = 1, rows, rows // 2
    head["active_channels"] = head["available_channels"] = scan.coils
    head["sample_time_us"] = 5.0
    head["scan_counter"] = np.arange(table.size).reshape(table.shape)
    head["idx"]["kspace_encode_step_1"] = sampled[:, None]
    head["idx"]["slice"] = np.arange(scan.slices)
    for number, kspace in enumerate(scan.kspace(OVERSAMPLING)):
        place = to_lps(scan.geometry(number), (scan.size, scan.size))
        for name, vector in place.items():
            head[name][:, number] = vector
        for i, column in enumerate(sampled):
            line = np.ascontiguousarray(kspace[:, :, column])  # [C, rows]
            table[i, number]["data"] = line.view(np.float32).ravel()
            table[i, number]["traj"] = np.zeros(0, np.float32)
    with h5py.File(path, "w") as file:
        text = header(scan.size, shape, scan.coils, scan.slices)
        file.create_dataset("dataset/xml", data=[text], dtype=h5py.string_dtype("ascii"))
        file.create_dataset("dataset/data", data=table.ravel(), maxshape=(None,))
    return path


def _write_cfl(path: Path, scan: HeadScan) -> Path:
    return write_cfl(path, np.stack(list(scan.kspace())))


def _write_npy(path: Path, scan: HeadScan) -> Path:
    """[S, C, H, W]."""
    path = path if path.suffix == ".npy" else path.with_name(f"{path.name}.npy")
    np.save(path, np.stack(list(scan.kspace())))
    return path


WRITERS: dict[str, Callable[[Path, HeadScan], Path]] = {
    "fastmri": _write_fastmri,
    "ismrmrd": _write_ismrmrd,
    "cfl": _write_cfl,
    "npy": _write_npy,
    "dicom": write_dicom,
    "nifti": write_nifti,
}


def _refuse_points(scan: HeadScan) -> None:
    mask = scan.mask((scan.size, scan.size))
    if not (mask == mask[:1]).all():
        raise UserError(
            f"--pattern={scan.pattern} samples points, and this format holds whole lines; "
            "use a pattern of lines, such as cartesian_random, or --format=cfl or npy"
        )
