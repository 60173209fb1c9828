import pickle

import h5py
import numpy as np
import pytest

from mript_jax.data.readers import open_source
from mript_jax.data.readers.reference import image_from_kspace
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError

COMPLEX = np.dtype([("real", "<f4"), ("imag", "<f4")])


def kspace(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*shape[:-1], 2 * shape[-1]), np.float32).view(np.complex64)


def save(path, array, name="kspace_full"):
    """Writes [.., x, y] as MATLAB does: the axes the other way round, real and imag as fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file[name] = np.ascontiguousarray(array).view(COMPLEX).reshape(array.shape)
    return path


def test_slices_and_frames_come_as_coil_kspace(tmp_path):
    array = kspace(3, 2, 4, 8, 10)  # time, slice, coil, ky, kx
    save(tmp_path / "P001" / "cine_sax.mat", array)
    source = open_source("cmrxrecon", str(tmp_path))
    assert len(source) == 6
    for i in range(6):
        s, t = divmod(i, 3)
        expected = array[t, s].swapaxes(-1, -2)
        np.testing.assert_array_equal(source[i].kspace, expected)
        np.testing.assert_allclose(source[i].image, image_from_kspace(expected, None), rtol=1e-6)
        assert (source[i].attributes["slice"], source[i].attributes["time"]) == (s, t)
        assert source[i].slice_index == i
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source))[1].image, source[1].image)


@pytest.mark.parametrize(
    ("name", "shape", "count", "coils"),
    [
        ("kspace_single_full", (3, 2, 8, 10), 6, 1),
        ("kspace_full", (2, 4, 8, 10), 2, 4),
        ("kspace", (4, 8, 10), 1, 4),
    ],
)
def test_files_without_some_of_the_axes_are_read_too(tmp_path, name, shape, count, coils):
    save(tmp_path / "a.mat", kspace(*shape), name)
    source = open_source("cmrxrecon", str(tmp_path))
    assert len(source) == count and source[0].kspace.shape == (coils, 10, 8)


def test_undersampled_files_have_a_mask_and_no_image(tmp_path):
    array = kspace(1, 1, 4, 8, 10)
    array[..., [1, 2, 6], :] = 0
    save(tmp_path / "a.mat", array, "kspace_sub04")
    record = open_source("cmrxrecon", str(tmp_path))[0]
    assert record.image is None
    assert np.flatnonzero(record.mask.all(axis=0)).tolist() == [0, 3, 4, 5, 7]


def test_partial_fourier_is_said_and_filled_with_zeros_as_in_the_challenge(tmp_path):
    array = kspace(1, 1, 4, 8, 10)
    array[..., :2, :] = 0
    save(tmp_path / "a.mat", array)
    record = open_source("cmrxrecon", str(tmp_path))[0]
    expected = image_from_kspace(array[0, 0].swapaxes(-1, -2), None)
    np.testing.assert_allclose(record.image, expected, rtol=1e-6)
    assert record.mask is None
    assert record.attributes["notes"] == ["partial Fourier 0.75, filled with zeros"]


def test_files_of_masks_are_no_slices_and_people_are_told_apart(tmp_path):
    for folder in (
        "TrainingSet/FullSample/P001",
        "TrainingSet/AccFactor04/P001",
        "ValidationSet/P001",
    ):
        save(tmp_path / folder / "cine.mat", kspace(1, 2, 4, 8, 10))
    with h5py.File(tmp_path / "mask.mat", "w") as file:
        file["mask04"] = np.ones((8, 10))
    source = open_source("cmrxrecon", str(tmp_path))
    assert len(source) == 6 and len(set(source.groups)) == 3
    assert set(source.subjects) == {"TrainingSet/P001", "ValidationSet/P001"}


def declare(path, shape, dtype=COMPLEX, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("kspace_full", shape, dtype, **options)


ELSEWHERE = [("nowhere.bin", 0, h5py.h5f.UNLIMITED)]
BREAK = {
    "group": (lambda p: h5py.File(p, "w").create_group("kspace").file.close(), "is no array"),
    "external": (lambda p: declare(p, (4, 8, 10), external=ELSEWHERE), "lies in another file"),
    "huge chunk": (lambda p: declare(p, (2000,) * 3, chunks=(2000,) * 3), "chunks of"),
    "huge slice": (lambda p: declare(p, (64, 8000, 8000), chunks=(1, 9, 9)), "never written"),
    "words": (
        lambda p: declare(p, (4, 8, 10), np.dtype([("real", "S4"), ("imag", "S4")])),
        "complex numbers",
    ),
    "version 5": (lambda p: p.write_bytes(b"MATLAB 5.0 MAT-file" * 20), "save it with -v7.3"),
    "real": (
        lambda p: h5py.File(p, "w").create_dataset("kspace", data=np.ones((2, 3, 4))).file.close(),
        "complex",
    ),
    "axes": (lambda p: save(p, kspace(2, 3)), "has 2 axes"),
    "zero": (lambda p: save(p, kspace(4, 8, 10) * 0), "all zero"),
    "nan": (lambda p: save(p, kspace(4, 8, 10) * np.nan), "NaN"),
}


@pytest.mark.parametrize("damage", BREAK)
def test_a_broken_file_is_told_by_path(tmp_path, damage):
    path = tmp_path / "a.mat"
    BREAK[damage][0](path)
    with pytest.raises((BrokenRecord, UserError), match=BREAK[damage][1]) as caught:
        open_source("cmrxrecon", str(path))[0]
    assert str(path) in str(caught.value)
