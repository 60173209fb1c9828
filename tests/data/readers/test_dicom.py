import numpy as np
import pytest

from mript_jax.data.readers import open_source
from mript_jax.data.readers.index import index_file
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError

pydicom = pytest.importorskip("pydicom")


def pixels(seed, shape=(6, 8)):
    return np.random.default_rng(seed).integers(1, 4000, shape).astype(np.uint16)


def save(path, array, series="1.2.3", patient="Doe", position=0.0, **tags):
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    data = pydicom.Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, pydicom.uid.generate_uid()
    data.SeriesInstanceUID, data.PatientID, data.Modality = series, patient, "MR"
    data.SeriesDescription = "T2 TSE"
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, position], [1, 0, 0, 0, 1, 0]
    data.Rows, data.Columns = array.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelData = array.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def test_a_series_is_sorted_by_position_and_not_by_name(tmp_path):
    for name, position in (("IM1", 6.0), ("IM2", -3.0), ("IM3", 0.5)):
        save(tmp_path / name, pixels(int(10 + position)), position=position)
    source = open_source("dicom", str(tmp_path))
    for i, position in enumerate((-3.0, 0.5, 6.0)):
        np.testing.assert_array_equal(source[i].image, pixels(int(10 + position)))
        assert (source[i].slice_index, source[i].volume) == (i, "1.2.3")


def test_slope_and_intercept_are_applied_and_no_window(tmp_path):
    save(
        tmp_path / "a",
        pixels(0),
        RescaleSlope=0.5,
        RescaleIntercept=3,
        WindowCenter=9,
        WindowWidth=1,
    )
    np.testing.assert_allclose(open_source("dicom", str(tmp_path))[0].image, pixels(0) * 0.5 + 3)


def test_inverted_pictures_are_turned_round(tmp_path):
    save(tmp_path / "a", pixels(0), PhotometricInterpretation="MONOCHROME1")
    image = open_source("dicom", str(tmp_path))[0].image
    np.testing.assert_array_equal(image, pixels(0).max() - pixels(0).astype(np.float32))


def test_frames_of_an_enhanced_file_have_their_own_scaling(tmp_path):
    frames = []
    for slope in (1.0, 2.0, 4.0):
        scaling, frame = pydicom.Dataset(), pydicom.Dataset()
        scaling.RescaleSlope, scaling.RescaleIntercept = slope, 0
        frame.PixelValueTransformationSequence = [scaling]
        frames.append(frame)
    array = pixels(0, (3, 6, 8))
    save(tmp_path / "a", array, NumberOfFrames=3, PerFrameFunctionalGroupsSequence=frames)
    source = open_source("dicom", str(tmp_path))
    assert len(source) == 3
    for i, slope in enumerate((1, 2, 4)):
        np.testing.assert_allclose(source[i].image, array[i] * float(slope))


def test_series_modalities_and_other_files_are_told_apart(tmp_path):
    save(tmp_path / "t2", pixels(0))
    save(tmp_path / "t1", pixels(1), series="4.5", SeriesDescription="t1 mprage")
    save(tmp_path / "ct", pixels(2), series="6.7", Modality="CT")
    (tmp_path / "readme.txt").write_text("not a picture")
    assert list(open_source("dicom", str(tmp_path)).groups) == ["1.2.3", "4.5"]
    assert list(open_source("dicom", str(tmp_path), series="*T1*").groups) == ["4.5"]
    assert len(open_source("dicom", str(tmp_path), modality="")) == 3
    with pytest.raises(UserError, match="T2 TSE"):
        open_source("dicom", str(tmp_path), series="*DWI*")


def test_patients_keep_their_series_together_and_their_names_private(tmp_path):
    save(tmp_path / "a", pixels(0), patient="Jane Doe")
    save(tmp_path / "b", pixels(1), series="4.5", patient="Jane Doe")
    save(tmp_path / "c", pixels(2), series="6.7", patient="John Doe")
    source = open_source("dicom", str(tmp_path))
    assert source.subjects[0] == source.subjects[1] != source.subjects[2]
    index = index_file(tmp_path, "*")
    written = "".join(path.read_text() for path in index.parent.glob(index.name))
    assert "1.2.3" in written and "Doe" not in written + "".join(source.subjects)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-30])


BREAK = {
    "cut short": (cut_short, "cannot be read"),
    "no picture": (lambda p: p.write_bytes(b"text" * 99), "is not DICOM"),
    "color": (lambda p: save(p, pixels(0), SamplesPerPixel=3), "color"),
    "zero": (lambda p: save(p, pixels(0) * 0), "all zero"),
    "frames": (lambda p: save(p, pixels(0), NumberOfFrames=10**6), "impossible shape"),
}


@pytest.mark.parametrize("damage", BREAK)
def test_a_broken_file_is_told_by_path_and_costs_nothing_else(tmp_path, damage):
    save(tmp_path / "b.dcm", pixels(1), series="4.5")
    path = save(tmp_path / "a.dcm", pixels(0))
    BREAK[damage][0](path)
    source = open_source("dicom", str(tmp_path))
    broken = []
    for i in range(len(source)):
        try:
            source[i]
        except BrokenRecord as error:
            broken.append(error)
    assert len(source) == 2 and len(broken) == 1
    assert broken[0].path == str(path) and BREAK[damage][1] in broken[0].why
