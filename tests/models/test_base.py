"""The interface of models/base.py, for every model of MODELS."""

import functools
import re

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.batch import empty_example, stack
from mript_jax.errors import UserError
from mript_jax.models import MODELS, build_model
from mript_jax.models.base import ReconstructionModel

SHAPE = (16, 20)
MRIPT = {"name": "mript", "mode": "split", "image_size": 16, "patch_size": 4, "features": 2}
MRIPT |= {"width": 8, "depth": 2, "heads": 2, "mlp_ratio": 2.0, "window": 2, "dtype": "float32"}
MRIPT |= {"global_blocks": (1,), "decoder_depth": 1, "decoder_heads": 2, "decoder_mlp": 8}
MRIPT |= {"decoder_downsample": 1, "num_patterns": 4, "num_levels": 5}
RECON_VIT = {"name": "recon_vit", "image_size": 16, "patch_size": 4, "width": 8, "depth": 2}
RECON_VIT |= {"heads": 2, "mlp_ratio": 2.0, "dtype": "float32"}
UNET = {"name": "unet", "features": 2, "pools": 1, "dtype": "float32"}
SIMMIM = {"name": "simmim", "encoder": "vit", "image_size": 16, "patch_size": 4, "width": 8}
SIMMIM |= {"depths": (1,), "heads": (2,), "window": 4, "mlp_ratio": 2.0, "mask_cell": 4}
SIMMIM |= {"mask_ratio": 0.6, "dtype": "float32"}
CONV = {"name": "conv", "features": 2, "depth": 2, "dtype": "float32"}
UNROLLED = {"name": "unrolled", "cascades": 1, "network": CONV, "dtype": "float32"}
CONFIGS = {
    "mript": MRIPT,
    "mript with data consistency": MRIPT | {"iterations": 1},
    "recon_vit": RECON_VIT,
    "recon_vit with data consistency": RECON_VIT | {"iterations": 2},
    "unet": UNET,
    "unet with data consistency": UNET | {"iterations": 1},
    "simmim": SIMMIM,
    "unrolled": UNROLLED,
}
ANSWERS = ("target", "scale", "weight")  # not available to `predict`


@pytest.fixture(params=CONFIGS)
def model(request):
    return build_model(CONFIGS[request.param])


def make_batch(model):
    batch = stack([empty_example(SHAPE, model.batch_fields())] * 2)
    return {name: value for name, value in batch.items() if name not in ANSWERS}


def predict_shape(model, batch):
    """The shape of `predict`'s images; nothing is computed."""
    return traced(model, batch)[0]


def traced(model, batch):
    """The shapes of `predict`'s images and of the variables."""
    init = functools.partial(model.init_with_output, method="predict")
    return jax.eval_shape(init, jax.random.key(0), batch)


@functools.cache
def traced_once(model):
    return traced(model, make_batch(model))


def test_configs_cover_every_model():
    assert {config["name"] for config in CONFIGS.values()} == set(MODELS)


def test_predict_reads_only_declared_fields_and_returns_images(model):
    assert isinstance(model, ReconstructionModel)
    assert type(model).predict is not ReconstructionModel.predict
    image, _ = traced_once(model)
    assert (image.shape, image.dtype) == ((2, *SHAPE, 1), jnp.float32)


def test_predict_names_a_declared_field_that_is_missing(model):
    for field in model.batch_fields():
        batch = make_batch(model)
        del batch[field]
        with pytest.raises(UserError, match=f"no field '{field}'"):
            predict_shape(model, batch)


def test_number_of_slices_may_be_unknown_as_in_an_exported_model(model):
    (count,) = jax.export.symbolic_shape("b")
    batch = {
        name: jax.ShapeDtypeStruct((count, *value.shape[1:]), value.dtype)
        for name, value in make_batch(model).items()
    }
    assert predict_shape(model, batch).shape == (count, *SHAPE, 1)


def test_full_kspace_is_not_for_models(model):
    assert "full_kspace" not in model.batch_fields()


def test_non_trainable_patterns_name_parameters(model):
    params = traced_once(model)[1]["params"]
    names = [
        "/".join(key.key for key in path) for path, _ in jax.tree_util.tree_leaves_with_path(params)
    ]
    for pattern in model.non_trainable:
        assert any(re.search(pattern, name) for name in names)


def test_several_coils_give_one_image_or_are_refused(model):
    batch = make_batch(model)
    for field in {"kspace", "sensitivities"} & set(batch):
        batch[field] = np.repeat(batch[field], 3, axis=1)
    if model.multi_coil:
        assert predict_shape(model, batch).shape == (2, *SHAPE, 1)
    else:
        with pytest.raises(UserError, match="one coil, not of 3"):
            predict_shape(model, batch)
