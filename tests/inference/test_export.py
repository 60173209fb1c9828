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
from mript_jax.errors import UserError
from mript_jax.inference import export
from mript_jax.inference.export import export_model, load_exported
from mript_jax.models import build_model

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


def coils_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("artifact.json"))["inputs"]["kspace"][0][1]


def test_exported_model_of_several_coils_is_the_model(checkpoint, tmp_path):
    folder, model, params = checkpoint(UNROLLED)
    exported = load_exported(export_model(folder, tmp_path / "model.mript", coils=3))
    batch = stack([empty_example(SHAPE, model.batch_fields(), coils=3)] * 2)
    rng = np.random.default_rng(0)
    parts = rng.standard_normal((2, *batch["kspace"].shape), np.float32)
    batch["mask"] = (rng.random(batch["mask"].shape) < 0.5).astype(np.float32)
    batch["mask"][:, 5:11, 3:9] = 1.0
    batch["kspace"] = batch["mask"][:, None] * (parts[0] + 1j * parts[1])
    expected = jax.jit(functools.partial(model.apply, method="predict"))({"params": params}, batch)
    np.testing.assert_allclose(exported(batch), expected, atol=1e-5)
    assert np.std(expected) > 0.01


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
