"""K-space in .npy files."""

import pickle

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
