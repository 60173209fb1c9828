"""Initialization of MR-IPT's encoder from Segment Anything."""

import numpy as np
import pytest
from flax import traverse_util

from mript_jax.convert import infer_config
from mript_jax.convert.mript import to_torch
from mript_jax.convert.segment_anything import (
    config_for,
    from_segment_anything,
    is_segment_anything,
)
from mript_jax.errors import UserError

D, C, GRID, WINDOW = 24, 16, 9, 3


@pytest.fixture
def state_dict():
    """Names and proportions of the original, with two blocks and a part of the mask decoder."""
    generator = np.random.default_rng(0)

    def draw(*shape):
        return generator.standard_normal(shape).astype(np.float32)

    tensors = {
        "image_encoder.pos_embed": draw(1, GRID, GRID, D),
        "image_encoder.patch_embed.proj.weight": draw(D, 3, 16, 16),
        "image_encoder.patch_embed.proj.bias": draw(D),
        "image_encoder.neck.0.weight": draw(C, D, 1, 1),
        "image_encoder.neck.2.weight": draw(C, C, 3, 3),
        "mask_decoder.iou_token.weight": draw(1, C),
    }
    layers = {"norm1": (D,), "norm2": (D,), "attn.qkv": (3 * D, D), "attn.proj": (D, D)}
    layers |= {"mlp.lin1": (4 * D, D), "mlp.lin2": (D, 4 * D)}
    for i, size in enumerate((WINDOW, GRID)):
        for name, shape in layers.items():
            tensors[f"image_encoder.blocks.{i}.{name}.weight"] = draw(*shape)
            tensors[f"image_encoder.blocks.{i}.{name}.bias"] = draw(shape[0])
        for side in "hw":
            tensors[f"image_encoder.blocks.{i}.attn.rel_pos_{side}"] = draw(2 * size - 1, D // 2)
    for i in (1, 3):
        tensors |= {f"image_encoder.neck.{i}.{n}": draw(C) for n in ("weight", "bias")}
    return tensors


SMALL = {"image_size": 24, "features": 4, "decoder_heads": 2, "decoder_mlp": 8}
SMALL |= {"decoder_depth": 1}


def test_encoder_is_copied_and_the_rest_newly_initialized(state_dict):
    assert is_segment_anything(state_dict)
    config = config_for(state_dict) | SMALL
    assert (config["width"], config["depth"], config["heads"]) == (D, 2, 2)
    assert (config["window"], config["global_blocks"]) == (WINDOW, (1,))
    params, ignored, fresh = from_segment_anything(state_dict, config)
    assert "mask_decoder.iou_token.weight" in ignored
    assert "image_encoder.patch_embed.proj.weight" in ignored
    assert all(not n.startswith("encoder/") or "patch_embed" in n for n in fresh)
    flat = traverse_util.flatten_dict(params, sep="/")
    assert flat["encoder/position"].shape == (1, 6, 6, D)
    assert flat["encoder/groups/block_1/attention/relative_h"].shape == (1, 11, D // 2)
    back = to_torch(params, config)
    for name in ("blocks.1.attn.qkv.weight", "blocks.0.attn.rel_pos_w", "neck.2.weight"):
        name = f"image_encoder.{name}"
        np.testing.assert_array_equal(back[name], state_dict[name])


def test_another_width_is_a_user_error(state_dict):
    with pytest.raises(UserError, match="does not fit"):
        from_segment_anything(state_dict, config_for(state_dict) | SMALL | {"features": 8})


def test_weights_of_mript_are_not_segment_anything(golden):
    stored = golden("mript_type")
    names = [n for n in stored.files if n.startswith("param/")]
    ours = {n.removeprefix("param/"): stored[n] for n in names}
    assert not is_segment_anything(ours)
    assert infer_config(ours)["mode"] == "type"
