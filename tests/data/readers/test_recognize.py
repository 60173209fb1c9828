"""The reader of a file, by its content alone."""

import gzip
import os
import shutil

import h5py
import numpy as np
import pytest
from PIL import Image

from mript_jax.data.phantom.files import write_phantom
from mript_jax.data.phantom.scan import HeadScan
from mript_jax.data.readers.recognize import find_scans, recognize_format
from mript_jax.errors import UserError

SCAN = HeadScan(slices=1, size=16, coils=2)


def write_images(path, form):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path, form)


def write_matlab(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        file["kspace_full"] = np.zeros((1, 1, 4, 4), np.dtype([("real", "f4"), ("imag", "f4")]))
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")


NIFTI = (348).to_bytes(4, "little").ljust(344, b"\0") + b"n+1\0" + bytes(20)
MGH = bytes([0, 0, 0, 1, 0, 0, 0, 2]) + bytes(300)


def write_minc(path):
    with h5py.File(path, "w") as file:
        file.create_group("minc-2.0")


WRITERS = {
    "a.h5": ("fastmri", lambda path: write_phantom(path, "fastmri", SCAN)),
    "b.h5": ("ismrmrd", lambda path: write_phantom(path, "ismrmrd", SCAN)),
    "c.npy": ("numpy", lambda path: write_phantom(path, "npy", SCAN)),
    "d.npz": ("numpy", lambda path: np.savez(path, kspace=np.zeros(2))),
    "e.cfl": ("cfl", lambda path: write_phantom(path, "cfl", SCAN)),
    "f.dcm": ("dicom", lambda path: path.write_bytes(bytes(128) + b"DICM" + bytes(40))),
    "g.nii": ("nifti", lambda path: path.write_bytes(NIFTI)),
    "h.nii.gz": ("nifti", lambda path: path.write_bytes(gzip.compress(NIFTI))),
    "i.mgz": ("nifti", lambda path: path.write_bytes(gzip.compress(MGH))),
    "j.mnc": ("nifti", write_minc),
    "k.mat": ("cmrxrecon", write_matlab),
    "l.mat": ("cmrxrecon", lambda path: path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(128))),
    "m.png": ("images", lambda path: write_images(path, "PNG")),
    "n.jpg": ("images", lambda path: write_images(path, "JPEG")),
    "o.tif": ("images", lambda path: write_images(path, "TIFF")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file of each format, and some that are no scans."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "below").mkdir()
    for name, (_, write) in WRITERS.items():
        write(folder / "below" / name)
    (folder / "notes.txt").write_text("64 mT")
    (folder / "notes.txt.gz").write_bytes(gzip.compress(b"64 mT"))
    (folder / "cut.nii.gz").write_bytes((folder / "below" / "h.nii.gz").read_bytes()[:30])
    return folder


@pytest.mark.parametrize("name", WRITERS)
def test_format_is_recognized_whatever_the_file_is_called(folder, tmp_path, name):
    expected, path = WRITERS[name][0], folder / "below" / name
    assert recognize_format(path) == expected
    if expected != "cfl":  # two files, which share their name
        shutil.copy(path, tmp_path / "scan")
        assert recognize_format(tmp_path / "scan") == expected


def test_folder_of_mixed_files_has_a_scan_for_each_and_one_for_all_dicom(folder):
    scans = {scan.path.name: scan for scan in find_scans(folder)}
    expected = {name: form for name, (form, _) in WRITERS.items()}
    expected |= {"below": expected.pop("f.dcm"), "cut.nii.gz": None}
    assert {name: scan.format for name, scan in scans.items()} == expected
    assert scans["a.h5"].folder == "below" and scans["a.h5"].open()[0].image.shape == (16, 16)


def test_damaged_scan_fails_when_it_is_opened(folder):
    (cut,) = (scan for scan in find_scans(folder) if scan.path.name == "cut.nii.gz")
    with pytest.raises(UserError, match=r"cut\.nii\.gz"):
        cut.open()


def test_header_of_bart_stands_for_the_pair(folder):
    (scan,) = find_scans(folder / "below" / "e.hdr")
    assert scan.path.name == "e.cfl" and scan.format == "cfl"


def test_mask_beside_an_array_is_no_scan(tmp_path):
    for name in ("a.npy", "a_mask.npy", "b_mask.npy"):
        np.save(tmp_path / name, np.ones((4, 4), np.complex64))
    assert [scan.path.name for scan in find_scans(tmp_path)] == ["a.npy", "b_mask.npy"]


def test_links_out_of_a_folder_and_pipes_are_not_read(tmp_path):
    (tmp_path / "scans").mkdir()
    np.save(tmp_path / "other.npy", np.ones((4, 4), np.complex64))
    (tmp_path / "scans" / "link.npy").symlink_to(tmp_path / "other.npy")
    os.mkfifo(tmp_path / "scans" / "pipe.h5")
    link, pipe = find_scans(tmp_path / "scans")
    with pytest.raises(UserError, match="link that leads out"):
        link.open()
    assert pipe.path.name == "pipe.h5" and pipe.format is None


def test_given_format_overrules(folder):
    pytest.importorskip("nibabel")
    (scan,) = find_scans(folder / "below" / "m.png", "nifti", {"plane": "sagittal"})
    assert scan.format == "nifti" and scan.options == {"plane": "sagittal"}
    with pytest.raises(UserError, match="'fastmri'"):
        find_scans(folder, "fastmr")


@pytest.mark.parametrize("name", ["notes.txt", "empty"])
def test_nothing_to_read_is_a_user_error_that_names_the_place(folder, tmp_path, name):
    place = folder / name if name.endswith("txt") else tmp_path / name
    if name == "empty":
        place.mkdir()
        (place / "notes.txt").write_text("64 mT")
    with pytest.raises(UserError, match=name):
        [scan.open() for scan in find_scans(place)]
