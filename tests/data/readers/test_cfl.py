"""BART's .cfl and .hdr files."""

import pickle
import shutil
import subprocess

import numpy as np
import pytest

from mript_jax.data.phantom.files import write_phantom
from mript_jax.data.phantom.scan import HeadScan
from mript_jax.data.readers import open_source
from mript_jax.data.readers.cfl import write_cfl
from mript_jax.data.readers.reference import image_from_kspace
from mript_jax.errors import UserError

needs_bart = pytest.mark.skipif(shutil.which("bart") is None, reason="BART is not installed")


def kspace(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*shape, 2), np.float32).view(np.complex64)[..., 0]


def save(path, array, dimensions):
    """Write an array whose axes are those BART dimensions, in this order."""
    sizes = [1] * 16
    for axis, size in zip(dimensions, array.shape, strict=True):
        sizes[axis] = size
    order = np.argsort(dimensions)
    path.with_suffix(".hdr").write_text("# Dimensions\n" + " ".join(map(str, sizes)) + "\n")
    array.transpose(order).astype(np.complex64).ravel("F").tofile(path)
    return path


def test_pair_comes_back_as_it_was_written(tmp_path):
    array = kspace(3, 2, 16, 12)
    write_cfl(tmp_path / "scan.v1", array)
    for name in ("scan.v1", "scan.v1.cfl", "scan.v1.hdr"):
        source = open_source("cfl", str(tmp_path / name))
        assert len(source) == 3
    source = pickle.loads(pickle.dumps(source))
    for i in range(3):
        np.testing.assert_array_equal(source[i].kspace, array[i])
        np.testing.assert_array_equal(source[i].image, image_from_kspace(array[i], None))
        assert (source[i].slice_index, source[i].attributes) == (i, {"slice": i})


def test_missing_samples_are_those_that_are_zero_in_all_coils(tmp_path):
    scan = HeadScan(slices=2, size=32, coils=3, acceleration=4.0, pattern="poisson_disc")
    source = open_source("cfl", str(write_phantom(tmp_path / "a", "cfl", scan)))
    assert source[1].image is None
    np.testing.assert_array_equal(source[1].mask, scan.mask((32, 32)))


def test_every_dimension_is_a_slice_with_its_index(tmp_path):
    array = kspace(2, 3, 2, 4, 8, 6)  # echo, time, slice, coil, x, y
    save(tmp_path / "a.cfl", array, (5, 10, 13, 3, 0, 1))
    source = open_source("cfl", str(tmp_path))
    assert [source[i].slice_index for i in range(12)] == list(range(12))
    for record in (source[i] for i in range(12)):
        at = record.attributes
        np.testing.assert_array_equal(record.kspace, array[at["echo"], at["time"], at["slice"]])
    assert [source[i].attributes["slice"] for i in range(4)] == [0, 1, 0, 1]


def test_averages_are_averaged_where_they_were_measured(tmp_path):
    array = kspace(2, 3, 8, 6)  # average, coil, x, y
    array[0, ..., 1] = 0
    save(tmp_path / "a.cfl", array, (14, 3, 0, 1))
    record = open_source("cfl", str(tmp_path))[0]
    expected = array.mean(axis=0)
    expected[..., 1] = array[1, ..., 1]
    np.testing.assert_allclose(record.kspace, expected, rtol=1e-6)


def test_partitions_become_slices(tmp_path):
    images = kspace(4, 2, 8, 6)  # z, coil, x, y
    shifted = np.fft.fft(np.fft.ifftshift(images, axes=0), axis=0, norm="ortho")
    save(tmp_path / "a.cfl", np.fft.fftshift(shifted, axes=0), (2, 3, 0, 1))
    source = open_source("cfl", str(tmp_path))
    for z in range(4):
        np.testing.assert_allclose(source[z].kspace, images[z], atol=1e-5)
        assert source[z].attributes == {"partition": z}


def cut(path):
    path.write_bytes(path.read_bytes()[:-8])


BREAK = {
    "cut short": (cut, r"has 760 bytes; a\.hdr .* asks for 768"),
    "no header": (lambda p: p.with_suffix(".hdr").unlink(), r"a\.hdr"),
    "empty header": (lambda p: p.with_suffix(".hdr").write_text(""), "names no dimensions"),
    "words": (
        lambda p: p.with_suffix(".hdr").write_text("# Dimensions\nfour 8 6"),
        "names no dimensions",
    ),
    "negative": (
        lambda p: p.with_suffix(".hdr").write_text("# Dimensions\n-8 -12"),
        "impossible dimensions",
    ),
    "huge": (
        lambda p: p.with_suffix(".hdr").write_text("# Dimensions\n65536 65536 65536"),
        "asks for",
    ),
    "radial": (
        lambda p: p.with_suffix(".hdr").write_text("# Dimensions\n1 48 2"),
        "no Cartesian k-space",
    ),
    "maps": (
        lambda p: p.with_suffix(".hdr").write_text("# Dimensions\n8 6 1 1 2"),
        "2 maps",
    ),
    "nan": (lambda p: save(p, kspace(2, 8, 6) * np.nan, (3, 0, 1)), "NaN"),
    "zero": (lambda p: save(p, kspace(2, 8, 6) * 0, (3, 0, 1)), "all zero"),
}


@pytest.mark.parametrize("damage", BREAK)
def test_damaged_pair_is_told_by_path(tmp_path, damage):
    path = save(tmp_path / "a.cfl", kspace(2, 8, 6), (3, 0, 1))
    BREAK[damage][0](path)
    with pytest.raises(UserError, match=BREAK[damage][1]) as caught:
        open_source("cfl", str(path))[0]
    assert str(path) in str(caught.value)


@pytest.mark.slow
@needs_bart
def test_barts_own_phantom_is_read_as_kspace(tmp_path):
    for command in (
        "phantom -x 64 -k -s 8 ksp",
        "fft -iu 3 ksp images",
        "rss 8 images rss",
    ):
        subprocess.run(["bart", *command.split()], check=True, cwd=tmp_path)
    record = open_source("cfl", str(tmp_path / "ksp"))[0]
    assert record.kspace.shape == (8, 64, 64) and record.mask is None
    theirs = np.fromfile(tmp_path / "rss.cfl", np.complex64).reshape((64, 64), order="F").real
    np.testing.assert_allclose(record.image, theirs, atol=1e-5 * theirs.max())


@pytest.mark.slow
@needs_bart
def test_barts_poisson_mask_is_recognized(tmp_path):
    for command in (
        "phantom -x 64 -k -s 4 ksp",
        "poisson -Y 64 -Z 64 -y 2 -z 2 -C 8 mask",
        "reshape 7 64 64 1 mask pattern",
        "fmac ksp pattern under",
    ):
        subprocess.run(["bart", *command.split()], check=True, cwd=tmp_path)
    record = open_source("cfl", str(tmp_path / "under.cfl"))[0]
    pattern = np.fromfile(tmp_path / "pattern.cfl", np.complex64).reshape((64, 64), order="F").real
    assert record.image is None
    np.testing.assert_array_equal(record.mask, pattern)
