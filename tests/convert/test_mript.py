"""Conversion of the public MR-IPT in both directions, and its user errors."""

import json

import numpy as np
import pytest
from flax import traverse_util

from mript_jax.convert import from_torch, infer_config, to_torch
from mript_jax.errors import UserError


@pytest.fixture(
    params=[
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("mript_type", "mript_level")),
        "mript_combine",
    ]
)
def state_dict(request, golden):
    stored = golden(request.param)
    return {n.removeprefix("param/"): stored[n] for n in stored.files if n.startswith("param/")}


@pytest.fixture
def one(golden):
    stored = golden("mript_type")
    return {n.removeprefix("param/"): stored[n] for n in stored.files if n.startswith("param/")}


def test_config_is_inferred_from_shapes(golden):
    stored = golden("mript_combine")
    theirs = json.loads(str(stored["config"]))
    names = [n for n in stored.files if n.startswith("param/")]
    config = infer_config({n.removeprefix("param/"): stored[n] for n in names})
    assert config == {
        "name": "mript",
        "mode": "split",
        "image_size": theirs["image_size"],
        "patch_size": theirs["patch_size"],
        "features": theirs["in_feat"],
        "width": theirs["encoder_embed_dim"],
        "depth": theirs["encoder_depth"],
        "heads": theirs["encoder_num_heads"],
        "mlp_ratio": theirs["mlp_ratio"],
        "window": theirs["window_size"],
        "global_blocks": tuple(theirs["global_attn_indexes"]),
        "decoder_depth": theirs["decoder_depth"],
        "decoder_heads": theirs["decoder_num_heads"],
        "decoder_mlp": theirs["decoder_mlp_dim"],
        "decoder_downsample": theirs["attention_downsample_rate"],
        "num_patterns": theirs["num_types"],
        "num_levels": theirs["num_levels"],
        "dtype": "float32",
    }


def test_state_dict_survives_conversion_in_both_directions(state_dict):
    config = infer_config(state_dict)
    params, ignored = from_torch(state_dict, config)
    back = to_torch(params, config)
    assert set(back) == set(state_dict)
    for name, value in state_dict.items():
        assert back[name].shape == value.shape, name
        assert name in ignored or np.array_equal(back[name], value), name


def test_prefix_of_data_parallel_training_is_removed(one):
    config = infer_config(one)
    wrapped = {f"module.{name}": value for name, value in one.items()}
    a, b = from_torch(one, config)[0], from_torch(wrapped, infer_config(wrapped))[0]
    flat_a, flat_b = traverse_util.flatten_dict(a), traverse_util.flatten_dict(b)
    assert all(np.array_equal(flat_a[name], flat_b[name]) for name in flat_a)


def test_missing_tensor_is_a_user_error_with_its_name(one):
    config = infer_config(one)
    del one["image_encoder.neck.2.weight"]
    with pytest.raises(UserError, match=r"lacks image_encoder\.neck\.2\.weight"):
        from_torch(one, config)


def test_wrong_shape_is_a_user_error_with_both_shapes(one):
    config = infer_config(one)
    one["image_encoder.neck.2.weight"] = np.zeros((32, 32, 1, 1), np.float32)
    message = r"neck\.2\.weight is \(32, 32, 1, 1\), which gives no \(3, 3, 32, 32\)"
    with pytest.raises(UserError, match=message):
        from_torch(one, config)


def test_more_blocks_than_in_the_config_are_a_user_error(one):
    config = infer_config(one) | {"depth": 2, "global_blocks": (1,)}
    with pytest.raises(UserError, match=r"no place for.* image_encoder\.blocks\.2\."):
        from_torch(one, config)


def test_foreign_tensor_is_ignored_by_name(one):
    config = infer_config(one)
    _, ignored = from_torch(one | {"ema.decay": np.float32(0.9)}, config)
    assert "ema.decay" in ignored


def test_state_dict_of_another_model_is_a_user_error():
    with pytest.raises(UserError, match=r"not a state dict of mript, .*: it has conv1"):
        infer_config({"conv1.weight": np.zeros((3, 3))})


def test_config_that_the_public_code_lacks_is_a_user_error(one):
    with pytest.raises(UserError, match="patch_size 4, not 8"):
        to_torch({}, infer_config(one) | {"patch_size": 8})
