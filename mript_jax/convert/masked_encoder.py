"""Initialization of MR-IPT's encoder from masked modelling of k-space: the blocks of SimMIM's ViT.

Blocks are the same in both, with two exceptions. Layer scale is multiplied into the layers that it
follows. Relative positions have different forms: they are newly initialized, and so are the patch
embedding, which has other channels, and all layers outside the encoder.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from mript_jax.convert.mript import initial_parameters, parameter_shapes, refuse
from mript_jax.errors import UserError
from mript_jax.models.encoder import pattern_length

LAYERS = (
    *("norm_attention/norm", "norm_mlp/norm"),
    *("attention/qkv", "attention/proj", "mlp/dense_in", "mlp/dense_out"),
)
SCALED = {"attention/proj": "scale_attention", "mlp/dense_out": "scale_mlp"}


def from_masked(
    params: Mapping[str, Any],
    masked: Mapping[str, Any],
    config: Mapping[str, Any],
    seed: int = 0,
) -> tuple[dict[str, Any], list[str]]:
    """Return parameters of MR-IPT's `config.model` from those of the config `masked`.

    The second value lists the names of newly initialized parameters.
    """
    if (masked["name"], masked.get("encoder")) != ("simmim", "vit") or config["name"] != "mript":
        raise UserError(
            "only the blocks of a simmim with encoder='vit' can initialize those of an mript, not "
            f"{masked['name']} ({masked.get('encoder', 'no')} encoder) those of {config['name']}"
        )
    depth, theirs = config["depth"], masked["depths"][0]
    if depth != theirs:
        raise UserError(f"config.model.depth={depth}, but the masked encoder has {theirs} blocks")
    shapes = parameter_shapes(config)
    length = pattern_length(depth, tuple(config["global_blocks"]))
    values, wrong = {}, []
    for i in range(depth):
        row, block = divmod(i, length)
        for name, value in _block(params["encoder"][f"block_{i}"]).items():
            place = f"encoder/groups/block_{block}/{name}"
            if value.shape != shapes[place][1:]:
                wrong.append(f"block {i}: {name} is {value.shape}, not {shapes[place][1:]}")
            values[place, row] = value
    refuse("does not fit this config:", wrong)

    ours = initial_parameters(config, seed)
    for (place, row), value in values.items():
        ours[place][row] = value
    taken = {place for place, _ in values}
    return traverse_util.unflatten_dict(ours, sep="/"), sorted(set(ours) - taken)


def _block(block: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The parameters of a block's layers, with layer scale multiplied in."""
    flat = traverse_util.flatten_dict(dict(block), sep="/")
    return {
        name: np.asarray(value) * np.asarray(flat.get(SCALED.get(layer), 1.0))
        for name, value in flat.items()
        if (layer := name.rpartition("/")[0]) in LAYERS
    }
