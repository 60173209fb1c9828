"""Volumes in every format of the output, read back by the software of that format."""

import json
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import mript_jax
from mript_jax.data.geometry import Geometry
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError
from mript_jax.inference.provenance import Provenance, checkpoint_provenance, hash_params
from mript_jax.inference.save import FORMATS, save_volume
from mript_jax.inference.volumes import OtherMethod, ReconstructedVolume, Trust

NEEDS = {"dicom": "pydicom", "nifti": "nibabel"}
SHAPE = (4, 6, 8)  # slices, rows, columns
IMAGES = np.random.default_rng(0).random(SHAPE).astype(np.float32)
AFFINE = np.array([[1, 0.1, 0, 5], [-0.1, 2, 0, -7], [0, 0, 3, 9], [0, 0, 0, 1.0]])
ENDINGS = ("", ".gz", ".mrd", ".npy", ".cfl")  # of the files and folders that hold images
HASH = "0123456789abcdef" * 4


def rotation(seed):
    """A random orientation, left- or right-handed."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def stack(seed=0, count=SHAPE[0], sizes=(1.5, 0.75, 3.0)):
    """Geometries of parallel slices in an oblique orientation."""
    affine = np.eye(4)
    affine[:3, :3] = rotation(seed) * sizes
    affine[:3, 3] = (10.0, -20.0, 30.0)
    places = []
    for number in range(count):
        moved = affine.copy()
        moved[:3, 3] += number * affine[:3, 2]
        places.append(Geometry(moved))
    return tuple(places)


def volume(images=IMAGES, geometries=None, name="scan", **fields):
    masks = np.zeros(images.shape, np.uint8)
    masks[:, :, ::2] = 1
    return ReconstructedVolume(
        name=name,
        reconstruction=images,
        zero_filled=images / 2,
        reference=None,
        masks=masks,
        simulated=False,
        geometries=stack() if geometries is None else geometries,
        **{
            "provenance": Provenance("unrolled", "small", HASH),
            "slice_numbers": tuple(range(len(images))),
        }
        | fields,
    )


def trust(**fields):
    residuals = np.full(SHAPE[0], 0.125)
    return Trust(residuals, residuals / 2, noise=residuals, coils=1, **fields)


def dicom_files(folder):
    pydicom = pytest.importorskip("pydicom")
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def dicom_values(data):
    stored = data.pixel_array.astype(np.float64)
    return stored * float(data.get("RescaleSlope", 1)) + float(data.get("RescaleIntercept", 0))


def facts_of(name, path):
    """Everything that a file says in text."""
    if name == "h5":
        with h5py.File(path) as file:
            return str({key: str(value) for key, value in file.attrs.items()})
    if name == "png":
        return str(Image.open(path).text)
    if name == "nifti":
        nibabel = pytest.importorskip("nibabel")
        return str(nibabel.load(path).header.extensions)
    if name == "dicom":
        data = dicom_files(path)[-1]
        return data.DerivationDescription + str(data.get("ImageComments"))
    if name == "mrd":
        with h5py.File(path) as file:
            return str(file["dataset/image_0/attributes"][-1])
    return path.with_suffix(".json").read_text()


def images_in(name, path):
    """The numbers of a file, in its own order."""
    if name == "nifti":
        return pytest.importorskip("nibabel").load(path).get_fdata()
    if name == "dicom":
        return np.stack([dicom_values(data) for data in dicom_files(path)])
    if name == "mrd":
        with h5py.File(path) as file:
            return file["dataset/image_0/data"][()]
    return np.load(path) if name == "npy" else np.fromfile(path, np.complex64)


@pytest.mark.parametrize("name", FORMATS)
def test_output_carries_method_weights_and_acceleration(tmp_path, name):
    pytest.importorskip(NEEDS.get(name, "h5py"))
    path = save_volume(tmp_path, volume(), [name])[0]
    said = facts_of(name, path)
    assert "unrolled" in said and "small" in said and HASH in said and "2.0" in said


@pytest.mark.parametrize("name", FORMATS)
def test_output_says_how_far_to_trust_it(tmp_path, name):
    pytest.importorskip(NEEDS.get(name, "h5py"))
    warned = volume(trust=trust(warnings=("it has 64 coils",)))
    said = facts_of(name, save_volume(tmp_path, warned, [name])[0])
    assert "0.125" in said and "0.062" in said and "it has 64 coils" in said


@pytest.mark.parametrize("name", ["nifti", "dicom", "mrd", "npy", "cfl"])
def test_uncertainty_is_an_image_file_of_its_own_that_says_so(tmp_path, name):
    pytest.importorskip(NEEDS.get(name, "h5py"))
    spread = (IMAGES / 8).astype(np.float32)
    paths = save_volume(tmp_path, volume(trust=trust(uncertainty=spread)), [name])
    (path,) = (p for p in paths if p.name.startswith("scan_uncertainty") and p.suffix in ENDINGS)
    assert "uncertainty" in facts_of(name, path) and "uncertainty" not in facts_of(name, paths[0])
    np.testing.assert_allclose(images_in(name, path), images_in(name, paths[0]) / 8, atol=2e-5)


def test_warnings_stand_in_the_file_of_the_method_that_they_are_about(tmp_path):
    other = OtherMethod(Provenance("unrolled"), IMAGES, np.ones(SHAPE[0]), ("it has 64 coils",))
    both = volume(provenance=Provenance("tv"), others=(other,), trust=trust())
    paths = save_volume(tmp_path, both, ["npy", "h5"])
    assert "64 coils" not in (tmp_path / "scan.json").read_text()
    assert "64 coils" in (tmp_path / "scan_unrolled.json").read_text()
    assert "64 coils" in facts_of("h5", paths[-1])


@pytest.mark.parametrize("seed", range(6))
def test_nifti_voxels_lie_where_the_slices_did(tmp_path, seed):
    nibabel = pytest.importorskip("nibabel")
    places = stack(seed)
    (path,) = save_volume(tmp_path, volume(geometries=places), ["nifti"])
    image = nibabel.load(path)
    inverse = np.linalg.inv(image.affine)
    for number, row, column in np.ndindex(SHAPE):
        point = places[number].affine @ (row, column, 0, 1)
        voxel = inverse @ point
        whole = np.rint(voxel[:3]).astype(int)
        np.testing.assert_allclose(voxel[:3], whole, atol=1e-3)
        assert image.dataobj[tuple(whole)] == IMAGES[number, row, column]
    assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 1
    np.testing.assert_allclose(image.get_qform(), image.affine, atol=1e-3)


def test_nifti_of_an_unknown_place_has_the_identity_and_says_so(tmp_path, caplog):
    nibabel = pytest.importorskip("nibabel")
    (path,) = save_volume(tmp_path, volume(geometries=()), ["nifti"])
    image = nibabel.load(path)
    np.testing.assert_array_equal(image.affine, np.eye(4))
    np.testing.assert_array_equal(image.get_fdata(), IMAGES.transpose(2, 1, 0)[::-1, ::-1])
    assert b"position unknown" in image.header["descrip"].item() and "1 mm assumed" in caplog.text


def test_nifti_keeps_gaps_and_repeated_positions(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    places = stack(count=4)
    chosen = (places[0], places[1], places[3], places[0], places[1], places[3])
    images = np.arange(1.0, 7.0, dtype=np.float32)[:, None, None] * np.ones(SHAPE[1:], np.float32)
    (path,) = save_volume(tmp_path, volume(images, chosen), ["nifti"])
    image = nibabel.load(path)
    found = np.moveaxis(image.get_fdata(), image.shape.index(4), 0)  # the axis across slices
    levels = found.reshape(4, -1, 2).mean(axis=1)
    expected = [[1, 4], [2, 5], [0, 0], [3, 6]]
    assert levels.tolist() in (expected, expected[::-1])


def test_nifti_has_zeros_where_a_slice_was_left_out(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    places = stack(count=5)
    left = volume(IMAGES[:3] + 1, (places[0], places[2], places[4]), slice_numbers=(0, 2, 4))
    (path,) = save_volume(tmp_path, left, ["nifti"])
    image = nibabel.load(path)
    sums = np.moveaxis(image.get_fdata(), image.shape.index(5), 0).sum(axis=(1, 2))
    assert (sums > 0).tolist() == [True, False, True, False, True]
    np.testing.assert_allclose(sorted(image.header.get_zooms()), [0.75, 1.5, 3.0], rtol=1e-5)


def test_nifti_of_several_orientations_is_a_file_for_each(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    places = stack(0, 2) + stack(1, 2)
    paths = save_volume(tmp_path, volume(geometries=places), ["nifti"])
    assert [path.name for path in paths] == ["scan_1.nii.gz", "scan_2.nii.gz"]
    assert [sorted(nibabel.load(path).shape) for path in paths] == [[2, 6, 8]] * 2


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL"])
def test_nifti_of_a_nifti_source_has_its_grid(tmp_path, plane, codes):
    nibabel = pytest.importorskip("nibabel")
    voxels = np.random.default_rng(1).integers(1, 4000, (5, 6, 7, 3)).astype(np.int16)
    voxels[[0, 4]] = voxels[:, 0] = voxels[:, :, [0, 1, 6]] = 0  # blank in every plane
    voxels[:, :, 3, 1] = 0  # and one at one time alone
    source = nibabel.Nifti1Image(voxels, AFFINE)
    wanted = nibabel.orientations.axcodes2ornt(codes)
    now = nibabel.io_orientation(AFFINE)
    source = source.as_reoriented(nibabel.orientations.ornt_transform(now, wanted))
    nibabel.save(source, tmp_path / "source.nii.gz")
    records = list(open_source("nifti", str(tmp_path / "source.nii.gz"), plane=plane))
    result = volume(
        np.stack([record.image for record in records]),
        tuple(record.geometry for record in records),
        attributes=tuple(record.attributes for record in records),
        slice_numbers=tuple(record.slice_index for record in records),
    )
    (path,) = save_volume(tmp_path / "out", result, ["nifti"])
    image = nibabel.load(path)
    np.testing.assert_allclose(image.affine, source.affine, atol=1e-4)
    np.testing.assert_array_equal(image.get_fdata(), source.get_fdata())


@pytest.mark.parametrize("scale", [1e-7, 1.0, 3000.0, 1e9])
def test_dicom_series_has_the_images_in_order_and_in_place(tmp_path, scale):
    pytest.importorskip("pydicom")
    images = IMAGES * np.float32(scale)
    (folder,) = save_volume(tmp_path, volume(images), ["dicom"])
    files = dicom_files(folder)
    assert [data.InstanceNumber for data in files] == [1, 2, 3, 4]
    assert len({data.SOPInstanceUID for data in files}) == 4
    assert len({data.SeriesInstanceUID for data in files}) == 1
    for data, image, place in zip(files, images, stack(), strict=True):
        fine = max(image.max() / 60000, 0.5 if scale == 3000 else 0)
        np.testing.assert_allclose(dicom_values(data), image, atol=fine)
        row, column = (np.float64(data.ImageOrientationPatient[i : i + 3]) for i in (0, 3))
        down_mm, along_mm = data.PixelSpacing
        point = np.float64(data.ImagePositionPatient) + row * 5 * along_mm + column * 2 * down_mm
        expected = (place.affine @ (2, 5, 0, 1))[:3]
        np.testing.assert_allclose(point * (-1, -1, 1), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools")
@pytest.mark.parametrize("scale", [1e-7, 1.0, 3000.0])
def test_dicom_passes_dciodvfy(tmp_path, scale):
    (folder,) = save_volume(tmp_path, volume(IMAGES * np.float32(scale)), ["dicom"])
    for path in folder.iterdir():
        run = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
        said = run.stdout + run.stderr
        assert "MRImage" in said and "Error" not in said


@pytest.fixture
def patient_scan(tmp_path):
    """A slice of pydicom's own scan, with a patient's name in its header."""
    pydicom = pytest.importorskip("pydicom")
    data = pydicom.dcmread(pydicom.data.get_testdata_file("MR_small.dcm"))
    data.PatientName, data.PatientID = "Doe^Jane", "QQ-4711-QQ"
    data.StudyDescription = data.InstitutionName = data.OperatorsName = "Doe's doctor"
    data.save_as(tmp_path / "source.dcm")
    record = open_source("dicom", str(tmp_path / "source.dcm"))[0]
    result = volume(record.image[None], (record.geometry,), paths=(record.path,))
    return data, result


def test_dicom_of_a_dicom_source_names_nobody(tmp_path, patient_scan):
    source, result = patient_scan
    (folder,) = save_volume(tmp_path / "out", result, ["dicom"])
    (data,) = dicom_files(folder)
    written = (folder / "0001.dcm").read_bytes()
    for secret in (
        b"Doe",
        b"QQ-4711-QQ",
        source.StudyInstanceUID.encode(),
        source.SOPInstanceUID.encode(),
    ):
        assert secret not in written
    assert (data.EchoTime, data.ScanningSequence) == (source.EchoTime, source.ScanningSequence)
    assert data.PatientIdentityRemoved == "YES" and data.ImageType[:2] == ["DERIVED", "SECONDARY"]
    np.testing.assert_allclose(data.ImagePositionPatient, source.ImagePositionPatient, atol=1e-4)
    np.testing.assert_allclose(
        data.ImageOrientationPatient, source.ImageOrientationPatient, atol=1e-6
    )
    np.testing.assert_array_equal(data.PixelSpacing, source.PixelSpacing)
    np.testing.assert_array_equal(data.pixel_array, source.pixel_array)


def test_dicom_keeps_the_identity_where_asked(tmp_path, patient_scan):
    source, result = patient_scan
    (folder,) = save_volume(tmp_path / "out", result, ["dicom"], keep_identity=True)
    (data,) = dicom_files(folder)
    assert (data.PatientName, data.PatientID) == ("Doe^Jane", "QQ-4711-QQ")
    assert data.StudyInstanceUID == source.StudyInstanceUID
    assert data.SeriesInstanceUID != source.SeriesInstanceUID
    assert data.SOPInstanceUID != source.SOPInstanceUID
    (reference,) = data.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools")
@pytest.mark.parametrize("keep_identity", [False, True])
def test_dicom_of_a_dicom_source_passes_dciodvfy(tmp_path, patient_scan, keep_identity):
    (folder,) = save_volume(
        tmp_path / "out", patient_scan[1], ["dicom"], keep_identity=keep_identity
    )
    run = subprocess.run(["dciodvfy", folder / "0001.dcm"], capture_output=True, text=True)
    assert "MRImage" in run.stdout + run.stderr and "Error" not in run.stdout + run.stderr


def test_mrd_images_are_read_by_the_ismrmrd_package(tmp_path):
    ismrmrd = pytest.importorskip("ismrmrd")
    (path,) = save_volume(tmp_path, volume(), ["mrd"])
    file = ismrmrd.Dataset(str(path), "dataset", create_if_needed=False)
    assert file.number_of_images("image_0") == SHAPE[0]
    for number, place in enumerate(stack()):
        image = file.read_image("image_0", number)
        np.testing.assert_array_equal(image.data[0, 0], IMAGES[number])
        assert (image.slice, image.image_index) == (number, number + 1)
        along, down = np.float64(image.read_dir), np.float64(image.phase_dir)
        width_mm, height_mm, _ = image.field_of_view
        x, y = 5 - SHAPE[2] // 2, 2 - SHAPE[1] // 2
        point = np.float64(image.position) + x * along * width_mm / SHAPE[2]
        point += y * down * height_mm / SHAPE[1]
        expected = (place.affine @ (2, 5, 0, 1))[:3]
        np.testing.assert_allclose(point * (-1, -1, 1), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bart") is None, reason="needs BART")
def test_cfl_is_read_by_bart(tmp_path):
    save_volume(tmp_path, volume(), ["cfl"])
    for command in (
        ["extract", "13", "2", "3", "scan", "one"],
        ["transpose", "0", "1", "one", "t"],
    ):
        subprocess.run(["bart", *command], cwd=tmp_path, check=True)
    turned = np.fromfile(tmp_path / "t.cfl", np.complex64).reshape(SHAPE[1:])
    np.testing.assert_array_equal(turned, IMAGES[2])


def test_arrays_come_with_a_description(tmp_path):
    paths = save_volume(tmp_path, volume(), ["npy", "cfl"])
    assert [path.name for path in paths] == ["scan.npy", "scan.json", "scan.cfl", "scan.hdr"]
    np.testing.assert_array_equal(np.load(paths[0]), IMAGES)
    np.testing.assert_allclose(json.loads(paths[1].read_text())["affines"][2], stack()[2].affine)


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "a\nb", "x" * 300])
def test_no_file_is_written_outside_the_folder(tmp_path, name):
    with pytest.raises(UserError, match="no name for a file"):
        save_volume(tmp_path / "out", volume(name=name), ["npy"])
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("name", FORMATS)
def test_interrupted_writing_leaves_the_earlier_file(tmp_path, monkeypatch, name):
    pytest.importorskip(NEEDS.get(name, "h5py"))
    before = {path: _content(path) for path in save_volume(tmp_path, volume(), [name])}
    monkeypatch.setattr("os.replace", _full_disk)
    with pytest.raises(UserError, match="No space left"):
        save_volume(tmp_path, volume(IMAGES * 2), [name])
    assert {path: _content(path) for path in before} == before
    assert len(list(tmp_path.iterdir())) == len(before)


def test_a_series_of_more_slices_is_replaced_as_a_whole(tmp_path):
    pytest.importorskip("pydicom")
    save_volume(tmp_path, volume(), ["dicom"])
    fewer = volume(IMAGES[:2], stack(count=2))
    (folder,) = save_volume(tmp_path, fewer, ["dicom"])
    assert len(list(folder.iterdir())) == 2
    (folder / "notes.txt").write_text("of somebody")
    with pytest.raises(UserError, match=r"other files, such as 'notes\.txt'"):
        save_volume(tmp_path, fewer, ["dicom"])


def test_unknown_formats_and_numbers_that_are_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="did you mean 'nifti'"):
        save_volume(tmp_path, volume(), ["nifty"])
    with pytest.raises(UserError, match="NaN"):
        save_volume(tmp_path, volume(IMAGES * np.nan), ["npy"])


def test_provenance_names_the_weights_by_their_hash(tmp_path):
    found = checkpoint_provenance("small", "unrolled")
    assert (found.checkpoint, len(found.checkpoint_sha256)) == ("small", 64)
    assert len(found.config_hash) == 12 and found.version == mript_jax.__version__
    params = {"a": {"b": np.ones(3, np.float32)}}
    assert hash_params(params) == hash_params({"a": {"b": np.ones(3, np.float32)}})
    assert hash_params(params) != hash_params({"a": {"c": np.ones(3, np.float32)}})
    assert hash_params(params) != hash_params({"a": {"b": np.zeros(3, np.float32)}})


def _content(path: Path):
    return sorted(p.read_bytes() for p in path.iterdir()) if path.is_dir() else path.read_bytes()


def _full_disk(source, target):
    raise OSError(28, "No space left on device")
