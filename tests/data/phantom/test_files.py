"""The generated head in files, read by the software whose formats they are."""

import shutil
import subprocess

import h5py
import numpy as np
import pytest

from mript_jax.data.mrd import from_lps, to_lps
from mript_jax.data.phantom.files import write_phantom
from mript_jax.data.phantom.scan import HeadScan
from mript_jax.data.phantom.volume import FIELD_OF_VIEW, THICKNESS
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError
from mript_jax.evaluation.baselines.bart import Bart
from mript_jax.physics.fourier import ifft2c

SCAN = HeadScan(slices=2, size=32, coils=3)
UNDERSAMPLED = HeadScan(slices=2, size=32, coils=3, acceleration=4.0)


@pytest.fixture(scope="module")
def kspace():
    return np.stack(list(SCAN.kspace()))


def test_npy_holds_the_scan(tmp_path, kspace):
    path = write_phantom(tmp_path / "head", "npy", SCAN)
    np.testing.assert_array_equal(np.load(path), kspace)


def test_undersampled_scan_is_the_full_one_times_its_mask(kspace):
    mask = UNDERSAMPLED.mask((32, 32))
    assert 3.5 < mask.size / mask.sum() < 4.5
    np.testing.assert_array_equal(np.stack(list(UNDERSAMPLED.kspace())), kspace * mask)


@pytest.mark.parametrize("form", ["fastmri", "ismrmrd"])
def test_file_is_read_as_that_format(tmp_path, form):
    source = open_source(form, str(write_phantom(tmp_path / "a.h5", form, SCAN)))
    assert len(source) == 2 and source[1].image.shape == (32, 32)
    source = open_source(form, str(write_phantom(tmp_path / "b.h5", form, UNDERSAMPLED)))
    assert source[1].image is None
    np.testing.assert_array_equal(source[1].mask, UNDERSAMPLED.mask((64, 32)))


def test_ismrmrd_file_opens_in_the_package_of_the_standard(tmp_path):
    ismrmrd = pytest.importorskip("ismrmrd")
    path = write_phantom(tmp_path / "head.h5", "ismrmrd", SCAN)
    with ismrmrd.Dataset(str(path), "dataset", create_if_needed=False) as dataset:
        header = ismrmrd.xsd.CreateFromDocument(dataset.read_xml_header())
        encoding = header.encoding[0]
        assert (
            encoding.encodedSpace.matrixSize.x == 64 and encoding.encodingLimits.slice.maximum == 1
        )
        assert dataset.number_of_acquisitions() == 2 * 32
        acquisition = dataset.read_acquisition(5)
    assert acquisition.data.shape == (3, 64) and acquisition.idx.slice == 1
    full = list(SCAN.kspace(oversampling=2))
    np.testing.assert_array_equal(
        acquisition.data, full[1][:, :, acquisition.idx.kspace_encode_step_1]
    )
    assert list(acquisition.read_dir) == [0, 1, 0]  # LPS: to the back
    assert list(acquisition.phase_dir) == [1, 0, 0] and acquisition.position[2] == THICKNESS / 2


def test_place_goes_to_the_standard_and_back():
    geometry = SCAN.geometry(1)
    place = to_lps(geometry, (32, 32))
    directions = np.stack([place["read_dir"], place["phase_dir"], place["slice_dir"]])
    size = (FIELD_OF_VIEW / 32, FIELD_OF_VIEW / 32, THICKNESS)
    back = from_lps(place["position"], directions, (16, 16), size)
    np.testing.assert_allclose(back.affine, geometry.affine, atol=1e-6)
    assert from_lps(place["position"], np.zeros((3, 3)), (16, 16), size) is None


def test_points_are_refused_where_a_format_holds_lines(tmp_path):
    scan = HeadScan(size=32, acceleration=4.0, pattern="poisson_disc")
    for form in ("fastmri", "ismrmrd"):
        with pytest.raises(UserError, match="poisson_disc samples points"):
            write_phantom(tmp_path / "a.h5", form, scan)


def test_unknown_format_and_folder_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="'ismrmd'; did you mean 'ismrmrd'"):
        write_phantom(tmp_path / "a", "ismrmd", SCAN)
    with pytest.raises(UserError, match="is a folder"):
        write_phantom(tmp_path, "cfl", SCAN)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bart") is None, reason="BART is not installed")
def test_cfl_pair_is_read_by_bart(tmp_path, kspace):
    path = write_phantom(tmp_path / "head.cfl", "cfl", SCAN)
    for command in (
        f"slice 13 1 {path.with_suffix('')} {tmp_path}/slice",
        f"fft -iu 3 {tmp_path}/slice {tmp_path}/images",
    ):
        subprocess.run(["bart", *command.split()], check=True)
    (images,) = Bart._read(f"{tmp_path}/images")
    np.testing.assert_allclose(images, ifft2c(kspace[1]), atol=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("ismrmrd_recon_cartesian_2d") is None, reason="ismrmrd-tools are not installed"
)
def test_ismrmrd_file_is_reconstructed_by_its_tools(tmp_path):
    path = write_phantom(tmp_path / "head.h5", "ismrmrd", HeadScan(slices=1, size=32, coils=3))
    subprocess.run(["ismrmrd_recon_cartesian_2d", path], check=True)
    with h5py.File(path) as file:
        image = np.squeeze(file["dataset/cpp/data"][()]).T  # the readout runs fastest
    reference = open_source("ismrmrd", str(path))[0].image
    image = image * (image * reference).sum() / (image**2).sum()
    assert np.abs(image - reference).max() < 1e-4 * reference.max()
