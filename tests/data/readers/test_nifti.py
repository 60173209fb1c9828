import gzip
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from mript_jax.data.readers import open_source
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError

nibabel = pytest.importorskip("nibabel")
ranges = pytest.importorskip("mript_jax.data.readers.nifti").ranges
SHAPE = (5, 6, 7)  # right, anterior, superior
VOXELS = np.random.default_rng(0).integers(1, 4000, SHAPE).astype(np.int16)


def save(path, voxels=VOXELS, codes="RAS", slope=1.0):
    """Writes RAS voxels in the order and directions of `codes`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels, np.diag([1.0, 2.0, 3.0, 1.0]))
    wanted = nibabel.orientations.axcodes2ornt(codes)
    image = image.as_reoriented(
        nibabel.orientations.ornt_transform(np.c_[range(3), [1] * 3], wanted)
    )
    image.header.set_slope_inter(slope, 0.0)
    nibabel.save(image, path)
    return path


def expected(plane, position, voxels=VOXELS):
    """Superior or anterior up; the right side, or the front, on the left."""
    axis = {"sagittal": 0, "coronal": 1, "axial": 2}[plane]
    return np.flip(np.take(voxels, position, axis).T)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SRA"])
@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_slices_are_the_same_however_they_are_stored(tmp_path, plane, codes, suffix):
    save(tmp_path / f"a.{suffix}", codes=codes)
    source = open_source("nifti", str(tmp_path), plane=plane)
    assert len(source) == SHAPE[{"sagittal": 0, "coronal": 1, "axial": 2}[plane]]
    for i in range(len(source)):
        np.testing.assert_array_equal(source[i].image, expected(plane, i))
        assert (source[i].slice_index, source[i].volume) == (i, f"a.{suffix}")
    np.testing.assert_allclose(source[0].attributes["voxel_mm"], [1, 2, 3], atol=1e-6)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_the_slope_of_the_header_is_applied(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    image = nibabel.Nifti1Image(VOXELS / 7.0, np.eye(4))
    image.set_data_dtype(np.int16)  # stored as integers with a slope
    nibabel.save(image, path)
    assert nibabel.load(path).dataobj.slope != 1
    source = open_source("nifti", str(path))
    np.testing.assert_allclose(source[3].image, expected("axial", 3) / 7.0, atol=0.05)


def test_every_volume_of_a_series_gives_its_slices(tmp_path):
    voxels = np.stack([VOXELS, VOXELS + 1], axis=-1)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "a.nii")
    source = open_source("nifti", str(tmp_path))
    assert len(source) == 2 * SHAPE[2]
    np.testing.assert_array_equal(source[SHAPE[2] + 2].image, expected("axial", 2) + 1)
    assert source[SHAPE[2] + 2].attributes["time"] == 1


def test_blank_slices_are_left_out_unless_wanted(tmp_path):
    voxels = VOXELS.copy()
    voxels[:, :, [0, 1, 6]] = 0
    save(tmp_path / "a.nii.gz", voxels)
    source = open_source("nifti", str(tmp_path))
    assert [source[i].slice_index for i in range(len(source))] == [2, 3, 4, 5]
    every = open_source("nifti", str(tmp_path), skip_blank=False)
    assert len(every) == 7
    with pytest.raises(BrokenRecord, match="all zero"):
        every[0]


def test_subjects_are_those_of_bids(tmp_path):
    for name in ("sub-01/anat/sub-01_T1w.nii", "sub-01/anat/sub-01_T2w.nii", "sub-02/anat/x.nii"):
        save(tmp_path / name)
    source = open_source("nifti", str(tmp_path))
    assert list(dict.fromkeys(source.subjects)) == ["sub-01", "sub-02"]
    assert len(set(source.groups)) == 3


def test_a_source_can_be_sent_to_a_worker(tmp_path):
    save(tmp_path / "a.nii")
    source = open_source("nifti", str(tmp_path))
    source[0]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source))[1].image, source[1].image)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_a_file_cut_short_costs_nothing_else(tmp_path, suffix):
    save(tmp_path / "b.nii")
    path = save(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = open_source("nifti", str(tmp_path))
    with pytest.raises(BrokenRecord, match="cannot be read") as caught:
        source[0]
    assert caught.value.path == str(path)
    assert source[1].volume == "b.nii"


def test_an_absurd_header_is_refused_before_it_is_believed(tmp_path):
    path = save(tmp_path / "a.nii")
    data = bytearray(path.read_bytes())
    data[42:48] = np.int16([30000, 30000, 30000]).tobytes()
    path.write_bytes(data)
    with pytest.raises(UserError, match="impossible shape"):
        open_source("nifti", str(path))


def test_a_reader_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "mript_jax.data.readers.nifti", raising=False)
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(UserError, match="pip install nibabel"):
        open_source("nifti", "anywhere")


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SRA"])
def test_the_place_of_a_pixel_is_that_of_its_voxel(tmp_path, plane, codes):
    path = save(tmp_path / "a.nii", codes=codes)
    stored = nibabel.load(path)
    source = open_source("nifti", str(path), plane=plane)
    for i in range(len(source)):
        image, affine = source[i].image, source[i].geometry.affine
        for row, column in ((0, 0), (1, 3), (4, 2)):
            voxel = np.linalg.inv(stored.affine) @ affine @ (row, column, 0, 1)
            whole = tuple(np.rint(voxel[:3]).astype(int))
            np.testing.assert_allclose(voxel[:3], whole, atol=1e-5)
            assert stored.dataobj[whole] == image[row, column]


def test_blank_slices_are_named_in_one_line(tmp_path, caplog):
    voxels = VOXELS.copy()
    voxels[:, :, [0, 1, 6]] = 0
    save(tmp_path / "a.nii.gz", voxels)
    open_source("nifti", str(tmp_path))
    assert caplog.messages == ["blank axial slices left out: a.nii.gz: 0-1, 6"]
    assert ranges([3]) == "3" and ranges([1, 2, 3, 7, 9, 10]) == "1-3, 7, 9-10"


@pytest.mark.parametrize("kind", ["mgz", "minc1", "minc2"])
def test_volumes_of_freesurfer_and_minc_are_read(tmp_path, kind):
    if kind == "mgz":
        path = tmp_path / "a.mgz"
        nibabel.save(nibabel.MGHImage(VOXELS.astype(np.float32), np.diag([1, 2, 3, 1.0])), path)
    else:
        name = {"minc1": "tiny.mnc", "minc2": "small.mnc"}[kind]
        path = Path(nibabel.__file__).parent / "tests" / "data" / name
    if not path.exists():
        pytest.skip("nibabel came without its test data")
    canonical = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()
    source = open_source("nifti", str(path), skip_blank=False)
    assert len(source) == canonical.shape[2]
    image = source[4].image
    np.testing.assert_allclose(image, expected("axial", 4, canonical), rtol=1e-6)


HOSTILE = {
    "bytes that are no header": lambda data: b"text" * 200,
    "data type unknown": lambda data: data[:70] + np.int16(4097).tobytes() + data[72:],
    "no room for the voxels": lambda data: data[:42] + np.int16([900] * 3).tobytes() + data[48:],
    "negative size": lambda data: data[:42] + np.int16([-5]).tobytes() + data[44:],
    "offset beyond the end": lambda data: data[:108] + np.float32(1e9).tobytes() + data[112:],
    "fewer slices": lambda data: data[:46] + np.int16([6]).tobytes() + data[48:],
    "affine of nothing": lambda data: data[:280] + bytes(48) + data[328:],
}


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@pytest.mark.parametrize("damage", HOSTILE)
def test_a_hostile_header_is_an_error_of_one_line_that_names_the_file(tmp_path, damage, suffix):
    data = HOSTILE[damage](save(tmp_path / "good.nii").read_bytes())
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(gzip.compress(data) if suffix == "nii.gz" else data)
    with pytest.raises(UserError, match=r"bad\.nii") as caught:
        open_source("nifti", str(path))[0]
    assert "\n" not in str(caught.value)


def test_a_gzip_of_much_less_than_its_header_says_takes_no_memory(tmp_path):
    data = bytearray(save(tmp_path / "good.nii").read_bytes())
    data[42:48] = np.int16([1000, 1000, 1000]).tobytes()
    (tmp_path / "bad.nii.gz").write_bytes(gzip.compress(data))
    with pytest.raises(UserError, match="holds less than the voxels"):
        open_source("nifti", str(tmp_path / "bad.nii.gz"))


def test_a_changed_bit_in_compressed_voxels_is_found(tmp_path):
    path = save(tmp_path / "a.nii.gz", np.tile(VOXELS, (1, 1, 40)))
    data = bytearray(path.read_bytes())
    data[-6] ^= 1  # of the checksum, which stands for all that it covers
    path.write_bytes(data)
    with pytest.raises(UserError, match="CRC"):
        open_source("nifti", str(path))


def test_zeros_behind_the_voxels_are_padding_up_to_whole_blocks_alone(tmp_path):
    path = save(tmp_path / "a.nii")
    content = path.read_bytes()
    path.write_bytes(content + bytes(-len(content) % 512))
    np.testing.assert_array_equal(open_source("nifti", str(path))[0].image, expected("axial", 0))
    path.write_bytes(content + bytes(2))
    with pytest.raises(UserError, match="holds more than the voxels"):
        open_source("nifti", str(path))
