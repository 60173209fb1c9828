"""The generated head as images, read by the software whose formats they are."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from mript_jax.data.phantom.files import write_phantom
from mript_jax.data.phantom.image_files import tilted_geometry
from mript_jax.data.phantom.scan import HeadScan
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError

SCAN = HeadScan(slices=3, size=32)
NEEDS = {"dicom": "pydicom", "nifti": "nibabel"}


@pytest.fixture(scope="module")
def images():
    return np.abs([made.image for made in SCAN.images()])


@pytest.mark.parametrize("form", NEEDS)
def test_images_come_back_where_they_were(tmp_path, images, form):
    pytest.importorskip(NEEDS[form])
    source = open_source(form, str(write_phantom(tmp_path / "head", form, SCAN)))
    for number in range(3):
        record = source[number]
        expected = 4095 * images[number] / images.max()
        np.testing.assert_allclose(record.image, expected, atol=0.5)
        place = tilted_geometry(SCAN, number)
        np.testing.assert_allclose(record.geometry.affine, place.affine, atol=1e-4)


def test_nifti_is_stored_to_the_left_and_tilted(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.load(write_phantom(tmp_path / "head.nii", "nifti", SCAN))
    assert nibabel.aff2axcodes(image.affine) == ("L", "A", "S")
    directions = image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-6)
    assert np.abs(directions[[2, 0], [1, 1]]).min() > 0.1  # about two axes


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools")
def test_dicom_passes_dciodvfy(tmp_path):
    pytest.importorskip("pydicom")
    for path in write_phantom(tmp_path / "head", "dicom", SCAN).iterdir():
        run = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
        assert "MRImage" in run.stdout + run.stderr
        assert "Error" not in run.stdout + run.stderr


@pytest.mark.parametrize("form", NEEDS)
def test_images_are_not_undersampled(tmp_path, form):
    with pytest.raises(UserError, match="holds images"):
        write_phantom(tmp_path / "head", form, HeadScan(acceleration=4.0))


@pytest.mark.parametrize("form", NEEDS)
def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch, form):
    for module in (NEEDS[form], f"{NEEDS[form]}.dataset"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"needs {NEEDS[form]}.*pip install"):
        write_phantom(tmp_path / "head", form, SCAN)
