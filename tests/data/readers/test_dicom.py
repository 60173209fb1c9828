import numpy as np
import pytest
from PIL import features

from mript_jax.data.readers import open_source
from mript_jax.data.readers.index import index_file
from mript_jax.data.records import BlankRecord, BrokenRecord
from mript_jax.errors import UserError

pydicom = pytest.importorskip("pydicom")
from pydicom.data import get_testdata_file  # noqa: E402


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


def remove(path, name):
    data = pydicom.dcmread(path)
    del data[name]
    data.save_as(path)


def replace(path, before, after):
    """Other bytes in the one place where some are."""
    data = path.read_bytes()
    assert data.count(before) == 1
    path.write_bytes(data.replace(before, after))


def pack(path):
    data = pydicom.dcmread(path)
    data.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    data.Rows = 2
    data.save_as(path)


BREAK = {
    "cut short": (cut_short, "cannot be read"),
    "no picture": (lambda p: p.write_bytes(b"text" * 99), "is not DICOM"),
    "color": (lambda p: save(p, pixels(0), SamplesPerPixel=3), "color"),
    "zero": (lambda p: save(p, pixels(0) * 0), "all zero"),
    "no pixels": (lambda p: remove(p, "PixelData"), "holds no pixels"),
    "fewer rows": (lambda p: save(p, pixels(0), Rows=3), "take 96 bytes instead of 48"),
    "fewer rows of runs": (pack, "unpacks to 48 pixels instead of 16"),
    "bytes put in": (
        lambda p: replace(p, b"\x20\x00\x32\x00DS", bytes(64) + b"\x20\x00\x32\x00DS"),
        "(0000,0000) comes behind (0020,000E)",
    ),
    "byte before the pixels": (
        lambda p: replace(p, b"\xe0\x7f\x10\x00OW\0\0", b"\xe0\x7f\x10\x00OW\0\0\0"),
        "cut short: 97 bytes of 24576",
    ),
    "more rows": (lambda p: save(p, pixels(0), Rows=9), "cut short: 96 bytes of 144"),
    "modality": (lambda p: save(p, pixels(0), Modality="MS"), "of modality 'MS'"),
    "no image": (lambda p: remove(p, "Rows"), "holds no image"),
    "series": (lambda p: save(p, pixels(0), series="1..2"), "no UID"),
    "bits": (lambda p: save(p, pixels(0), BitsStored=1), "the highest of them is number 15"),
    "frames": (lambda p: save(p, pixels(0), NumberOfFrames=10**6), "impossible shape"),
    "many frames": (
        lambda p: save(p, pixels(0), NumberOfFrames=60_000),
        "holds less than its 60000",
    ),
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


def functional(position=None, slope=None, echo=None, time=None):
    """The functional groups of a frame."""
    groups = pydicom.Dataset()

    def add(sequence, **values):
        item = pydicom.Dataset()
        for name, value in values.items():
            setattr(item, name, value)
        setattr(groups, sequence, [item])

    if position is not None:
        add("PlanePositionSequence", ImagePositionPatient=[0, 0, position])
        add("PlaneOrientationSequence", ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
        add("PixelMeasuresSequence", PixelSpacing=[2, 1], SliceThickness=3)
    if echo is not None:
        add("MREchoSequence", EffectiveEchoTime=echo)
    if time is not None:
        add("FrameContentSequence", TemporalPositionIndex=time)
    if slope is not None:
        add("PixelValueTransformationSequence", RescaleSlope=slope, RescaleIntercept=0)
    return groups


def volumes_of(source):
    found = {}
    for i, name in enumerate(source.groups):
        found.setdefault(name, []).append(source[i].image)
    return found


@pytest.mark.parametrize("tag", ["EchoNumbers", "EchoTime", "TemporalPositionIdentifier"])
def test_echoes_and_times_of_a_series_are_volumes_of_their_own(tmp_path, tag):
    for number in range(6):
        tags = {tag: 1 + number % 2, "InstanceNumber": number}
        save(tmp_path / f"{number}", pixels(number), position=number // 2, **tags)
    label = {"EchoNumbers": "echo", "EchoTime": "TE", "TemporalPositionIdentifier": "time"}[tag]
    found = volumes_of(open_source("dicom", str(tmp_path)))
    assert list(found) == [f"1.2.3_{label}1", f"1.2.3_{label}2"]
    for first, images in enumerate(found.values()):
        np.testing.assert_array_equal(images, [pixels(first + 2 * i) for i in range(3)])


def test_positions_that_repeat_are_volumes_of_their_own(tmp_path):
    for number in range(6):  # slice by slice, as a cine is stored
        save(tmp_path / f"{number}", pixels(number), position=number // 2, InstanceNumber=number)
    found = volumes_of(open_source("dicom", str(tmp_path)))
    assert list(found) == ["1.2.3_repeat1", "1.2.3_repeat2"]
    np.testing.assert_array_equal(found["1.2.3_repeat2"], [pixels(i) for i in (1, 3, 5)])


def test_sizes_and_orientations_of_a_series_are_volumes_of_their_own(tmp_path):
    save(tmp_path / "a", pixels(0))
    save(tmp_path / "b", pixels(1, (8, 8)), position=1.0)
    save(tmp_path / "c", pixels(2), ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    save(tmp_path / "d", pixels(3), position=2.0)
    save(tmp_path / "e", pixels(4), position=3.0)
    source = open_source("dicom", str(tmp_path))
    names = ["1.2.3_8x8_orientation1", "1.2.3_orientation1", "1.2.3_orientation2"]
    assert sorted(set(source.groups)) == names
    assert sorted(source[i].image.shape for i in range(5)) == [*[(6, 8)] * 4, (8, 8)]


def test_frames_are_sorted_by_position_and_split_by_echo(tmp_path):
    heights, echoes = (4.0, 4.0, -2.0, 1.0, -2.0, 1.0), (5.0, 9.5, 9.5, 5.0, 5.0, 9.5)
    frames = [functional(z, echo=te) for z, te in zip(heights, echoes, strict=True)]
    array = pixels(0, (6, 6, 8))
    save(tmp_path / "a", array, NumberOfFrames=6, PerFrameFunctionalGroupsSequence=frames)
    source = open_source("dicom", str(tmp_path))
    found = volumes_of(source)
    assert list(found) == ["1.2.3_TE5", "1.2.3_TE9.5"]
    np.testing.assert_array_equal(found["1.2.3_TE5"], array[[4, 3, 0]])
    np.testing.assert_array_equal(found["1.2.3_TE9.5"], array[[2, 5, 1]])
    np.testing.assert_allclose(
        source[1].geometry.affine[:3, :3], [[0, -1, 0], [-2, 0, 0], [0, 0, 3]]
    )


def test_the_modality_table_is_applied(tmp_path):
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData = (
        [4096, 0, 16],
        (np.arange(4096, dtype="<u2") // 2 + 100).tobytes(),
    )
    table.ModalityLUTType = "US"
    save(tmp_path / "a", pixels(0), ModalityLUTSequence=[table])
    image = open_source("dicom", str(tmp_path))[0].image
    np.testing.assert_array_equal(image, pixels(0) // 2 + 100)


def test_a_blank_slice_keeps_the_number_of_its_neighbours(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}", pixels(number) * (number != 1), position=number)
    source = open_source("dicom", str(tmp_path))
    with pytest.raises(BlankRecord, match="all zero"):
        source[1]
    assert source[2].slice_index == 2


def test_pixels_without_a_decoder_say_what_to_install(monkeypatch):
    path = get_testdata_file("MR_small_jpeg_ls_lossless.dcm")
    decoder = pydicom.pixels.get_decoder(pydicom.uid.JPEGLSLossless)
    monkeypatch.setattr(decoder, "_available", {})
    source = open_source("dicom", path)
    with pytest.raises(BrokenRecord, match=r"JPEG-LS.*needs one of: .*pyjpegls") as caught:
        source[0]
    assert "\n" not in caught.value.why


def test_files_of_one_image_in_many_transfer_syntaxes_are_equal():
    expected = pydicom.dcmread(get_testdata_file("MR_small.dcm")).pixel_array
    names = ["MR_small", "MR_small_RLE", "MR_small_bigendian", "MR_small_implicit"]
    names += ["MR_small_jp2klossless"] if features.check("jpg_2000") else []
    for name in names:
        record = open_source("dicom", get_testdata_file(f"{name}.dcm"))[0]
        np.testing.assert_array_equal(record.image, expected)


@pytest.mark.parametrize("name", ["image_dfl", "rtdose", "rtdose_rle", "liver_1frame"])
def test_pixels_are_those_that_pydicom_reads(name):
    data = pydicom.dcmread(get_testdata_file(f"{name}.dcm"))
    source = open_source("dicom", get_testdata_file(f"{name}.dcm"), modality="")
    found = [source[i].image for i in range(len(source))]
    np.testing.assert_allclose(np.squeeze(found), data.pixel_array.astype(np.float32))


@pytest.mark.parametrize("shape", [(6, 8), (7, 9), (1, 1)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_run_lengths_are_unpacked_as_they_were_packed(tmp_path, shape, kind):
    array = (pixels(0, shape) % 256).astype(kind)
    array[: shape[0] // 2] = 7  # long runs
    bits = 8 * array.itemsize
    path = save(tmp_path / "a", array, BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1)
    data = pydicom.dcmread(path)
    data.compress(pydicom.uid.RLELossless)
    data.save_as(path)
    np.testing.assert_array_equal(open_source("dicom", str(path))[0].image, array)


def test_the_place_of_a_slice_is_that_of_pydicoms_own_file():
    data = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
    affine = open_source("dicom", get_testdata_file("MR_small.dcm"))[0].geometry.affine
    along, down = np.float64(data.ImageOrientationPatient).reshape(2, 3)
    row, column = 3, 11
    point = np.float64(data.ImagePositionPatient)
    point += column * along * data.PixelSpacing[1] + row * down * data.PixelSpacing[0]
    np.testing.assert_allclose((affine @ (row, column, 0, 1))[:3], point * (-1, -1, 1), atol=1e-6)


def test_a_deflated_bomb_is_refused(tmp_path, monkeypatch):
    data = pydicom.dcmread(get_testdata_file("image_dfl.dcm"))
    data.add_new((0x0009, 0x0010), "LO", "BOMB")
    data.add_new((0x0009, 0x1001), "OB", bytes(2**22))
    data.save_as(tmp_path / "a.dcm")
    monkeypatch.setattr("mript_jax.data.readers.dicom_header.MOST_UNPACKED", 2**22)
    with pytest.raises(UserError, match="unpacks to more than"):
        open_source("dicom", str(tmp_path / "a.dcm"), modality="")


def test_files_that_give_no_slice_and_gaps_are_said_in_one_line(tmp_path, caplog):
    for number in (0, 1, 3, 4):
        save(tmp_path / f"{number}", pixels(number), position=2.0 * number)
    save(tmp_path / "ct", pixels(2), series="6.7", Modality="CT")
    (tmp_path / "readme.txt").write_text("not a picture")
    assert len(open_source("dicom", str(tmp_path))) == 4
    left_out, uneven = (record.getMessage() for record in caplog.records)
    assert "1 files of CT 'T2 TSE', 1 files without an image (readme.txt)" in left_out
    assert "1.2.3 (4 instead of 2 mm after slice 1)" in uneven


@pytest.mark.parametrize(("kept", "numbers"), [((0, 2), [0, 2]), ((0, 1, 3), [0, 1, 3])])
def test_slices_keep_their_numbers_where_another_is_missing(tmp_path, kept, numbers):
    for number in kept:
        save(tmp_path / f"{number}", pixels(number), position=3.0 * number, InstanceNumber=number)
    source = open_source("dicom", str(tmp_path))
    assert [source[i].slice_index for i in range(len(source))] == numbers


def test_slices_two_instances_apart_are_neighbours_where_echoes_alternate(tmp_path):
    for number in range(4):
        tags = {"EchoNumbers": 1 + number % 2, "InstanceNumber": number}
        save(tmp_path / f"{number}", pixels(number), position=3.0 * (number // 2), **tags)
    source = open_source("dicom", str(tmp_path))
    assert [source[i].slice_index for i in range(4)] == [0, 1, 0, 1]
