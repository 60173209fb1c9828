"""K-space in .npy files."""

import pickle
import zipfile

import numpy as np
import pytest

from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import coil_sensitivities
from mript_jax.data.readers import open_source
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask

SHAPE = (64, 48)


@pytest.fixture(scope="module")
def coils():
    """Undersampled k-space of six coils, [6, H, W], and its mask."""
    mask = sample_mask("cartesian_random", SHAPE, 2.0, 0.2, 0)
    image = make_slice(3, 1, SHAPE).image
    maps = coil_sensitivities(6, SHAPE, np.random.default_rng(0))
    return (fft2c(image * maps) * mask).astype(np.complex64), mask


def test_first_axis_of_coils_is_recognized(tmp_path, coils):
    np.save(tmp_path / "scan.npy", coils[0])
    source = pickle.loads(pickle.dumps(open_source("numpy", str(tmp_path))))
    assert len(source) == 1 and source.groups == ["scan.npy"]
    np.testing.assert_array_equal(source[0].kspace, coils[0])
    np.testing.assert_array_equal(source[0].mask, coils[1])


def test_first_axis_of_neighbouring_slices_is_recognized(tmp_path):
    images = [make_slice(3, 1, SHAPE, z=z).image for z in np.linspace(-0.2, 0.2, 5)]
    np.save(tmp_path / "scan.npy", fft2c(np.stack(images)))
    source = open_source("numpy", str(tmp_path / "scan.npy"))
    assert len(source) == 5 and source[2].kspace.shape == (1, *SHAPE)


def test_axes_can_be_stated(tmp_path, coils):
    np.save(tmp_path / "scan.npy", coils[0])
    assert len(open_source("numpy", str(tmp_path), coils="no")) == 6
    np.save(tmp_path / "scan.npy", np.stack([coils[0], coils[0]]))
    source = open_source("numpy", str(tmp_path))
    assert len(source) == 2 and source[1].kspace.shape == (6, *SHAPE)


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4)), np.zeros(4, complex), np.zeros((0, 4, 4), complex), np.array(["a"])],
    ids=["real", "one axis", "empty", "text"],
)
def test_arrays_that_are_no_kspace_are_refused_by_name(tmp_path, array):
    np.save(tmp_path / "scan.npy", array)
    with pytest.raises(UserError, match=r"scan\.npy"):
        open_source("numpy", str(tmp_path))


def test_files_that_are_no_arrays_are_refused_by_name(tmp_path):
    (tmp_path / "scan.npy").write_bytes(b"\x93NUMPY nonsense")
    with pytest.raises(UserError, match=r"scan\.npy"):
        open_source("numpy", str(tmp_path))


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_slices_without_numbers_are_broken(tmp_path, coils, value):
    np.save(tmp_path / "scan.npy", np.full((2, 1, *SHAPE), value, complex))
    with pytest.raises(BrokenRecord, match="slice 1"):
        open_source("numpy", str(tmp_path))[1]


def save_npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return str(path)


@pytest.mark.parametrize("axes", ["hwc", "cwh", "hcws", "wsh"])
def test_any_order_of_axes_can_be_stated(tmp_path, coils, axes):
    order = ["schw".index(axis) for axis in axes]
    full = np.stack([coils[0], 2 * coils[0]])  # [S, C, H, W]
    kept = full if "s" in axes else full[:1]
    kept = kept if "c" in axes else kept[:, :1]
    rest = [i for i in range(4) if i not in order]
    np.save(tmp_path / "scan.npy", kept.transpose(*order, *rest).squeeze())
    source = open_source("numpy", str(tmp_path), axes=axes)
    assert len(source) == len(kept)
    for i, expected in enumerate(kept):
        np.testing.assert_array_equal(source[i].kspace, expected)


@pytest.mark.parametrize("axes", ["hwx", "hh", "cs", "schwh"])
def test_axes_that_cannot_be_are_refused(tmp_path, coils, axes):
    np.save(tmp_path / "scan.npy", coils[0])
    with pytest.raises(UserError, match=f"axes='{axes}'"):
        open_source("numpy", str(tmp_path), axes=axes)
    with pytest.raises(UserError, match="axes='schw' does not name"):
        open_source("numpy", str(tmp_path), axes="schw")


@pytest.mark.parametrize("kind", ["lines", "samples", "each slice", "lines of each slice"])
def test_mask_of_npz_is_that_of_its_slices(tmp_path, coils, kind):
    lines = np.stack([coils[1][0], 1 - coils[1][0]])
    stored = {
        "lines": lines[0],
        "samples": np.tile(lines[0], (SHAPE[0], 1)),
        "each slice": np.repeat(lines[:, None], SHAPE[0], axis=1),
        "lines of each slice": lines.astype(bool),
    }[kind]
    full = np.ones((2, 3, *SHAPE), np.complex64)
    source = open_source("numpy", save_npz(tmp_path / "a.npz", kspace=full, Mask=stored))
    for i, record in enumerate((source[0], source[1])):
        line = lines[i] if "each" in kind else lines[0]
        np.testing.assert_array_equal(record.mask, np.tile(line, (SHAPE[0], 1)))
        np.testing.assert_array_equal(record.kspace, record.mask * full[i])
        assert record.image is not None  # k-space itself is fully sampled


def test_mask_beside_an_array_or_stated_is_used(tmp_path, coils):
    full = np.ones((3, *SHAPE), np.complex64)
    np.save(tmp_path / "scan.npy", full)
    np.save(tmp_path / "scan_mask.npy", coils[1])
    np.save(tmp_path / "other.npy", coils[1][::-1, ::-1])
    source = open_source("numpy", str(tmp_path / "scan.npy"), coils="yes")
    np.testing.assert_array_equal(source[0].mask, coils[1])
    (tmp_path / "scan_mask.npy").rename(tmp_path / "moved.npy")
    stated = open_source(
        "numpy", str(tmp_path / "scan.npy"), coils="yes", mask=str(tmp_path / "other.npy")
    )
    np.testing.assert_array_equal(stated[0].mask, coils[1][::-1, ::-1])
    with pytest.raises(UserError, match="does not exist"):
        open_source("numpy", str(tmp_path / "scan.npy"), mask="nowhere.npy")


def test_masks_among_arrays_are_no_slices(tmp_path, coils):
    np.save(tmp_path / "scan.npy", coils[0])
    np.save(tmp_path / "scan_mask.npy", coils[1])
    assert len(open_source("numpy", str(tmp_path))) == 1


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (np.full(SHAPE, np.nan), "something else than 0 and 1"),
        (-np.ones(SHAPE), "something else than 0 and 1"),
        (np.full(SHAPE, 0.5), "something else than 0 and 1"),
        (np.zeros(SHAPE), "samples nothing"),
        (np.ones((3, 5)), r"its mask is \[3, 5\]"),
        (np.array("text"), "its mask"),
    ],
    ids=["nan", "negative", "half", "zero", "shape", "text"],
)
def test_masks_that_are_none_are_refused(tmp_path, coils, mask, why):
    path = save_npz(tmp_path / "a.npz", kspace=coils[0], mask=mask)
    with pytest.raises(BrokenRecord, match=why):
        open_source("numpy", path)[0]


def test_fully_sampled_kspace_has_a_reference(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((1, 2, *SHAPE), np.complex64))
    record = open_source("numpy", str(tmp_path))[0]
    assert record.mask is None and record.image.shape == SHAPE


def test_real_and_imaginary_parts_on_the_last_axis_are_one_number(tmp_path, coils):
    np.save(tmp_path / "a.npy", np.stack([coils[0].real, coils[0].imag], axis=-1)[None])
    np.testing.assert_array_equal(open_source("numpy", str(tmp_path))[0].kspace, coils[0])


def test_arrays_of_npz_are_told_by_name(tmp_path, coils):
    path = save_npz(tmp_path / "a.npz", ksp=coils[0], maps=coils[0], image=np.ones(SHAPE))
    record = open_source("numpy", path)[0]
    np.testing.assert_array_equal(record.kspace, coils[0])
    assert record.attributes["notes"] == ["left out: sensitivity maps, which are estimated anew"]
    path = save_npz(tmp_path / "b.npz", first=coils[0], second=coils[0])
    with pytest.raises(
        UserError, match=r"holds first complex64 \[6, 64, 48\], second.*named kspace"
    ):
        open_source("numpy", path)


def test_npz_that_unfolds_beyond_measure_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("mript_jax.data.readers.numpy_array.SOME_SIZE", 2**16)
    path = save_npz(tmp_path / "a.npz", kspace=np.zeros((5, 2**16), np.complex64))
    with pytest.raises(UserError, match=r"a\.npz: .*kspace\.npy declares 2621440 bytes"):
        open_source("numpy", path)


def test_pickles_are_never_read(tmp_path):
    class Trap:
        def __reduce__(self):
            return print, ("code of a file has run",)

    for name, save in (("a.npy", np.save), ("a.npz", lambda p, a: np.savez(p, kspace=a))):
        save(tmp_path / name, np.array([Trap()], object))
        with pytest.raises(UserError, match=name):
            open_source("numpy", str(tmp_path / name))


def rewrite(path, change):
    """Write the array of a .npz again, changed, in a file whose checksums are right."""
    with zipfile.ZipFile(path) as file:
        content = file.read("kspace.npy")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("kspace.npy", change(content))


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "flipped bit": flip,
    "cut short": lambda p: p.write_bytes(p.read_bytes()[:-40]),
    "no zip": lambda p: p.write_bytes(b"PK" * 300),
    "less data": lambda p: rewrite(p, lambda content: content[:-8]),
    "more data": lambda p: rewrite(p, lambda content: content + bytes(8)),
    "no header": lambda p: rewrite(p, lambda content: content[:7]),
    "open bracket": lambda p: rewrite(p, lambda content: content.replace(b"(2, 3", b"((((((")),
    "other type": lambda p: rewrite(p, lambda content: content.replace(b"<c8", b"|O8")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_npz_is_told_by_path(tmp_path, damage):
    path = tmp_path / "a.npz"
    np.savez(path, kspace=np.ones((2, 3, *SHAPE), np.complex64))
    DAMAGE[damage](path)
    with pytest.raises(UserError, match=r"a\.npz"):
        open_source("numpy", str(path))[0]
