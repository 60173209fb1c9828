"""Exported models: programs that need none of this package's models."""

import functools
import json
import zipfile

import jax
import numpy as np
import pytest

from mript_jax.batch import empty_example, stack
from mript_jax.checkpoint import save_params
from mript_jax.config import base_config
from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import coil_sensitivities
from mript_jax.errors import UserError
from mript_jax.inference import export
from mript_jax.inference.export import export_model, load_exported
from mript_jax.inference.reconstruction import load
from mript_jax.models import build_model
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask

SHAPE = (16, 12)
UNROLLED = {
    "name": "unrolled",
    "cascades": 1,
    "network": {"name": "conv", "features": 2, "depth": 1, "dtype": "float32"},
    "dtype": "float32",
    "steps": 1,
    "memory": 0,
    "condition": 4,
    "start": "zero_filled",
    "guide": "none",
}
UNET = {"name": "unet", "features": 2, "pools": 1, "dtype": "float32"}


@pytest.fixture
def checkpoint(tmp_path, monkeypatch, random_params):
    """Saves random weights of a model, which is exported for one platform alone."""
    monkeypatch.setattr(export, "PLATFORMS", {"cpu": export.PLATFORMS["cpu"]})

    def make(model, **data):
        config = base_config().unlock()
        config.model = model
        config.data.image_size = SHAPE
        config.data.update(data)
        built = build_model(config.model)
        batch = stack([empty_example(SHAPE, built.batch_fields())])
        init = functools.partial(built.init, jax.random.key(0), method="predict")
        params = random_params(jax.eval_shape(init, batch)["params"])
        save_params(tmp_path / "run", params, config)
        return tmp_path / "run", built, params

    return make


def inputs_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("artifact.json"))["inputs"]


def coils_of(path):
    return inputs_of(path)["kspace"][0][1]


def scan_of_coils(count, shape, center_fraction=0.3):
    """Two slices of the phantom, k-space [2, C, H, W], of coils with noise; and the mask."""
    rng = np.random.default_rng(2)
    maps = coil_sensitivities(count, shape, rng)
    mask = sample_mask("cartesian_random", shape, 2.0, center_fraction, 0)
    images = np.stack([make_slice(2, index, shape).image for index in range(2)])
    parts = 0.01 * rng.standard_normal((2, 2, *maps.shape))
    kspace = fft2c(images[:, None] * maps) + parts[0] + 1j * parts[1]
    return (kspace * mask).astype(np.complex64), mask


def batch_of(kspace, mask, coils):
    """The batch of a scan, filled up to `coils`, in the units of each slice's maximum [2, 1, 1]."""
    zero_filled = root_sum_of_squares(ifft2c(kspace), axis=1)
    scale = zero_filled.max(axis=(1, 2), keepdims=True)
    filling = [(0, 0), (0, coils - kspace.shape[1]), (0, 0), (0, 0)]
    of_task = stack([empty_example(mask.shape)] * 2)
    return of_task | {
        "zero_filled": (zero_filled / scale)[..., None],
        "kspace": np.pad(kspace / scale[:, None], filling),
        "mask": np.stack([mask, mask]),
    }, scale


@pytest.mark.parametrize(
    ("center_fraction", "espirit"),
    [(0.3, True), (0.0, False)],
    ids=["espirit", "too narrow for it"],
)
def test_scan_of_several_coils_is_reconstructed_as_from_its_checkpoint(
    checkpoint, tmp_path, caplog, center_fraction, espirit
):
    folder, *_ = checkpoint(UNROLLED, image_size=(32, 24))
    exported = load_exported(export_model(folder, tmp_path / "model.mript", coils=5))
    kspace, mask = scan_of_coils(4, (32, 24), center_fraction)
    batch, scale = batch_of(kspace, mask, coils=5)
    recon = load(folder)
    expected = recon(kspace, mask, coil_axis=1)
    assert ("low-resolution maps are used" in caplog.text) != espirit
    assert np.std(expected) > 0.01
    np.testing.assert_allclose(exported(batch)[..., 0] * scale, expected, atol=1e-4)
    given = coil_sensitivities(4, mask.shape, np.random.default_rng(3))
    maps = np.pad(np.stack([given, given]), [(0, 0), (0, 1), (0, 0), (0, 0)])
    with_given = recon(kspace, mask, coil_axis=1, sensitivities=given)
    found = exported({**batch, "sensitivities": maps})[..., 0] * scale
    np.testing.assert_allclose(found, with_given, atol=1e-4)
    assert np.abs(with_given - expected).max() > 0.01


@pytest.mark.parametrize(
    ("maps", "coils", "has_maps"),
    [("calibrated", 1, False), ("calibrated", 2, True), ("refined", 2, False), ("given", 1, True)],
)
def test_maps_go_in_where_a_checkpoint_is_given_them(checkpoint, tmp_path, maps, coils, has_maps):
    folder, *_ = checkpoint({**UNROLLED, "maps": maps})
    path = export_model(folder, tmp_path / "model.mript", coils=coils)
    assert ("sensitivities" in inputs_of(path)) == has_maps


def test_maps_for_a_network_with_maps_of_its_own_are_ignored_with_a_warning(
    checkpoint, tmp_path, caplog
):
    folder, *_ = checkpoint({**UNROLLED, "maps": "refined"})
    exported = load_exported(export_model(folder, tmp_path / "model.mript", coils=2))
    batch = stack([empty_example(SHAPE, ("kspace", "sensitivities"), coils=2)])
    exported(batch)
    assert "ignores 'sensitivities'" in caplog.text


@pytest.mark.parametrize(
    ("data", "coils"),
    [
        ({"undersampling": "simulated", "simulation": {"coils": (4, 1)}}, "4"),
        ({"undersampling": "kspace", "coils": 6}, "6"),
    ],
)
def test_number_of_coils_is_that_of_the_models_evaluations(checkpoint, tmp_path, data, coils):
    folder, *_ = checkpoint(UNROLLED, **data)
    assert coils_of(export_model(folder, tmp_path / "model.mript")) == coils


def test_coils_for_a_model_of_images_are_refused(checkpoint, tmp_path):
    folder, *_ = checkpoint(UNET)
    with pytest.raises(UserError, match="does not read k-space of several coils"):
        export_model(folder, tmp_path / "model.mript", coils=3)
