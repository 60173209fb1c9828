"""Conversion of the public ViT reconstructor (MLI-lab/transformers_for_imaging)."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mript_jax.convert.tables import (
    Entry,
    Shapes,
    Table,
    count,
    layer,
    norm,
    parameter_shapes,
    read,
    transformer_block,
    write,
)
from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.sizes import height_width

GATED = {"q": "query", "k": "key", "v": "value"}
HEAD_SIZE = 44  # of the public code; without gated attention shapes do not determine it


def from_torch(
    state_dict: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return our parameters of `config.model`, and the names that were ignored."""
    state_dict = {name.removeprefix("module."): value for name, value in state_dict.items()}
    channels = state_dict["net.patch_embed.proj.weight"].shape[1]
    shapes = parameter_shapes(
        build_model(config), (1, *height_width(config["patch_size"]), channels)
    )
    return read(state_dict, name_table(config), shapes, unused="rel_indices$")


def to_torch(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return a state dict that the public code loads."""
    return write(params, name_table(config))


def infer_config(shapes: Shapes) -> dict[str, Any]:
    """Infer `config.model` from the shapes of a public state dict."""
    width, _, *patch = shapes["net.patch_embed.proj.weight"]
    grid = shapes["net.pos_embed"][2:]
    depth = count(shapes, r"net\.blocks\.(\d+)\.")
    gated = [i + 1 for i in range(depth) if f"net.blocks.{i}.attn.gating_param" in shapes]
    if gated:
        heads = shapes[f"net.blocks.{gated[0] - 1}.attn.gating_param"][0]
    elif width % HEAD_SIZE == 0:
        heads = width // HEAD_SIZE
    else:
        raise UserError(f"cannot tell how many heads share a width of {width}; give --config")
    return {
        "name": "recon_vit",
        "image_size": _square(n * p for n, p in zip(grid, patch, strict=True)),
        "patch_size": _square(patch),
        "width": width,
        "depth": depth,
        "heads": heads,
        "mlp_ratio": shapes["net.blocks.0.mlp.fc1.weight"][0] / width,
        "dtype": "float32",
        "qkv_bias": any(name.endswith((".qkv.bias", ".q.bias")) for name in shapes),
        "gpsa": (gated[0], gated[-1]) if gated else (-1, -1),
    }


def name_table(config: Mapping[str, Any]) -> Table:
    """The destination of each tensor of the public state dict, by name."""
    biased = config.get("qkv_bias", False)
    first, last = config.get("gpsa", (-1, -1))
    table = (
        layer("net.patch_embed.proj", "patch_embed/proj")
        | {"net.pos_embed": Entry("position", _channels_last, _channels_first)}
        | norm("net.norm", "norm")
        | layer("net.head", "head")
    )
    for i in range(config["depth"]):
        theirs, ours = f"net.blocks.{i}", f"block_{i}"
        block = transformer_block(theirs, ours, biased)
        if first <= i + 1 <= last:
            block = {name: entry for name, entry in block.items() if ".attn.qkv." not in name}
            for a, b in GATED.items():
                block |= layer(f"{theirs}.attn.{a}", f"{ours}/attention/{b}", biased)
            block |= layer(f"{theirs}.attn.pos_proj", f"{ours}/attention/locality")
            block[f"{theirs}.attn.gating_param"] = Entry(f"{ours}/attention/gate")
        table |= block
    return table


def _channels_last(value: np.ndarray) -> np.ndarray:
    return value.transpose(0, 2, 3, 1)


def _channels_first(value: np.ndarray) -> np.ndarray:
    return value.transpose(0, 3, 1, 2)


def _square(sides: Iterable[int]) -> int | tuple[int, int]:
    rows, columns = sides
    return rows if rows == columns else (rows, columns)
