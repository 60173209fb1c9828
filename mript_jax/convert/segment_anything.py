"""Initialization of MR-IPT's encoder from Segment Anything (ViT-B, ViT-L or ViT-H).

Blocks and neck have the same architecture and are copied, position tables are resized to the grid
in use. The patch embedding, with other channels and another patch size, and all layers outside the
encoder are newly initialized.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from mript_jax.convert.infer import infer_encoder
from mript_jax.convert.mript import (
    StateDict,
    initial_parameters,
    parameter_shapes,
    refuse,
    to_ours,
)
from mript_jax.convert.names import name_table
from mript_jax.models.attention import resize_linear

# Fields outside the encoder, as in the paper (configs/mript_radimagenet.py).
PAPER = {
    "name": "mript",
    "mode": "split",
    "image_size": 224,
    "patch_size": 4,
    "features": 64,
    "decoder_depth": 2,
    "decoder_heads": 8,
    "decoder_mlp": 2048,
    "decoder_downsample": 1,
    "num_patterns": 4,
    "num_levels": 5,
    "dtype": "float32",
}


def is_segment_anything(state_dict: StateDict) -> bool:
    """True for weights of Segment Anything, or of its image encoder alone."""
    patch = "image_encoder.patch_embed.proj.weight"
    return patch in state_dict and np.shape(state_dict[patch])[1] == 3


def config_for(state_dict: StateDict) -> dict[str, Any]:
    """`config.model` of an MR-IPT with the encoder of these weights."""
    return PAPER | infer_encoder({name: np.shape(value) for name, value in state_dict.items()})


def from_segment_anything(
    state_dict: StateDict, config: Mapping[str, Any], seed: int = 0
) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return parameters of `config.model`, ignored names, and names of newly initialized ones."""
    places = {
        name: place
        for name, place in name_table(config).items()
        if name.startswith("image_encoder.") and "patch_embed" not in name
    }
    refuse("lacks", [name for name in places if name not in state_dict])
    shapes, values, wrong = parameter_shapes(config), {}, []
    for name, place in places.items():
        shape = shapes[place.name] if place.row is None else shapes[place.name][1:]
        values[name] = _resized(
            to_ours(np.asarray(state_dict[name], np.float32), place), name, shape
        )
        if values[name].shape != shape:
            wrong.append(f"{name} is {np.shape(state_dict[name])}, which gives no {shape}")
    refuse("does not fit this config:", wrong)

    params = initial_parameters(config, seed)
    for name, place in places.items():
        params[place.name][... if place.row is None else place.row] = values[name]
    taken = {place.name for place in places.values()}
    return (
        traverse_util.unflatten_dict(params, sep="/"),
        sorted(set(state_dict) - set(places)),
        sorted(set(params) - taken),
    )


def _resized(table: np.ndarray, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Resize a position table to the grid in use; other tensors are not changed."""
    if "rel_pos" in name:
        return np.asarray(resize_linear(jnp.asarray(table), shape[0]))
    if name == "image_encoder.pos_embed" and table.shape[-1] == shape[-1]:
        return np.asarray(jax.image.resize(table, shape, "bilinear", antialias=False))
    return table
