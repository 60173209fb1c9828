"""Conversion of SimMIM (microsoft/SimMIM), with Swin or ViT, and of MIMMRI's SwinRec.

The public SwinRec has no mask token: here the token is initialized to zero, and it is left out when
converting back. Its branch for images of twice the size, which is not used here, is ignored.
"""

import math
import re
from collections.abc import Mapping
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

UNUSED = r"(relative_position_index|attn_mask)$|^(conv_before_upsample|upsample|conv_last2)\."
VIT_TABLE = "encoder.rel_pos_bias.relative_position_bias_table"  # its last 3 rows: the class token
CLASS_ROWS = f"{VIT_TABLE}.class"  # our name for these rows
CHANNELS = {2: "complex", 4: "rgba"}  # of the pictures of a network
POSITION = "absolute_pos_embed"  # only where the public networks are built with ape=True
PAPER_SIZE = 192  # of pictures, if neither shifted windows nor a position embedding determine it
MASK_CELL, MASK_RATIO = 8, 0.6  # of the paper; shapes do not determine them
TOKEN = Entry("encoder/mask_token/token", np.ravel, lambda value: value[None, None])


def from_torch(
    state_dict: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return our parameters of `config.model`, and the names that were ignored."""
    state_dict = {name.removeprefix("module."): value for name, value in state_dict.items()}
    table = name_table(config)
    if config["encoder"] == "swinrec":
        state_dict["mask_token"] = np.zeros((1, 1, config["width"]), np.float32)
    first = next(name for name in table if name.endswith(("conv_first.weight", "proj.weight")))
    model, channels = build_model(config), np.shape(state_dict.get(first, np.zeros((1, 2))))[1]
    grid = model.grid()
    picture = (1, *(n * model.patch_size for n in grid), channels)
    shapes = parameter_shapes(model, picture, (1, *grid))
    return read(split(state_dict), table, shapes, UNUSED)


def to_torch(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the trained tensors of the public code, without those it computes from sizes."""
    state_dict = write(params, name_table(config))
    if config["encoder"] == "swinrec":
        del state_dict["mask_token"]
    return merge(state_dict)


def infer_config(shapes: Shapes) -> dict[str, Any]:
    """Infer `config.model` from the shapes of a public state dict."""
    stem = "conv_first" if "conv_first.weight" in shapes else "encoder.patch_embed.proj"
    width, channels, patch, _ = shapes[f"{stem}.weight"]
    if channels not in CHANNELS:
        raise UserError(
            f"{stem}.weight takes pictures of {channels} channels; "
            "k-space is 2 (real and imaginary part) or 4 (RGBA) here"
        )
    if stem == "conv_first":
        sizes = _windowed(shapes, r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.", 1)
        sizes |= {"encoder": "swinrec", "patch_size": 1}
    elif VIT_TABLE in shapes:
        rows, heads = shapes[VIT_TABLE]
        grid = (math.isqrt(rows - 3) + 1) // 2
        sizes = {
            "encoder": "vit",
            "patch_size": patch,
            "image_size": grid * patch,
            "depths": (count(shapes, r"encoder\.blocks\.(\d+)\."),),
            "heads": (heads,),
            "window": grid,
        }
    else:
        sizes = _windowed(shapes, r"encoder\.layers\.(\d+)\.blocks\.(\d+)\.", patch)
        sizes |= {"encoder": "swin", "patch_size": patch}
    first = next(n for n in shapes if n.endswith(".mlp.fc1.weight"))
    return sizes | {
        "name": "simmim",
        "width": width,
        "mlp_ratio": shapes[first][0] / shapes[first][1],
        "mask_cell": max(MASK_CELL, sizes["patch_size"]),
        "mask_ratio": MASK_RATIO,
        "kspace_as": CHANNELS[channels],
        "dtype": "float32",
    }


def _windowed(shapes: Shapes, blocks: str, patch: int) -> dict[str, Any]:
    """The sizes of Swin blocks; `blocks` matches their names, with stage and block as groups."""
    found = {tuple(map(int, m.groups())): m[0] for n in shapes if (m := re.match(blocks, n))}
    depths = [sum(stage == i for stage, _ in found) for i in range(1 + max(found)[0])]
    tables = [shapes[f"{found[i, 0]}attn.relative_position_bias_table"] for i in range(len(depths))]
    masks = [
        shapes[m] for m in (f"{found[0, i]}attn_mask" for i in range(depths[0])) if m in shapes
    ]
    position = next((shape for name, shape in shapes.items() if name.endswith(POSITION)), None)
    if position:
        tokens = math.isqrt(position[1])
    elif masks:
        tokens = math.isqrt(math.prod(masks[0][:2]))
    else:
        tokens = PAPER_SIZE // patch
    return {
        "image_size": tokens * patch,
        "depths": tuple(depths),
        "heads": tuple(heads for _, heads in tables),
        "window": (math.isqrt(tables[0][0]) + 1) // 2,
        "position_embedding": position is not None,
    }


def name_table(config: Mapping[str, Any]) -> Table:
    """The destination of each tensor, by its public name after `split`."""
    return TABLES[config["encoder"]](config)


def split(state_dict: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rearrange the ViT's tensors: query and value biases joined, rows of the class token apart.

    The public code has no key bias; ours is zero. It would add a constant to all scores of a query,
    which does not change the softmax.
    """
    parts = dict(state_dict)
    for name in [name for name in parts if name.endswith(".q_bias")]:
        q, v = parts.pop(name), parts.pop(name.replace("q_bias", "v_bias"))
        parts[name.replace("q_bias", "qkv.bias")] = np.concatenate([q, np.zeros_like(q), v])
    if VIT_TABLE in parts:
        parts[VIT_TABLE], parts[CLASS_ROWS] = np.split(parts[VIT_TABLE], [-3])
    return parts


def merge(parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Invert `split`."""
    state_dict = dict(parts)
    if CLASS_ROWS in state_dict:
        rows = state_dict[VIT_TABLE], state_dict.pop(CLASS_ROWS)
        state_dict[VIT_TABLE] = np.concatenate(rows)
        for name in [name for name in state_dict if name.endswith(".attn.qkv.bias")]:
            q, _, v = np.split(state_dict.pop(name), 3)
            state_dict[name.replace("qkv.bias", "q_bias")] = q
            state_dict[name.replace("qkv.bias", "v_bias")] = v
    return state_dict


def _vit(config: Mapping[str, Any]) -> Table:
    table = (
        layer("encoder.patch_embed.proj", "encoder/patch_embed/proj")
        | {
            "encoder.mask_token": TOKEN,
            "encoder.cls_token": TOKEN._replace(ours="encoder/class_token"),
        }
        | norm("encoder.norm", "encoder/norm")
        | layer("decoder.0", "decoder")
    )
    rows, columns = (2 * n - 1 for n in build_model(config).grid())
    table[VIT_TABLE] = _relative("encoder/relative", rows, columns)
    table[CLASS_ROWS] = Entry("encoder/relative_class")
    for i in range(config["depths"][0]):
        theirs, ours = f"encoder.blocks.{i}", f"encoder/block_{i}"
        table |= transformer_block(theirs, ours)
        table[f"{theirs}.gamma_1"] = Entry(f"{ours}/scale_attention")
        table[f"{theirs}.gamma_2"] = Entry(f"{ours}/scale_mlp")
    return table


def _swin(config: Mapping[str, Any]) -> Table:
    table = (
        layer("encoder.patch_embed.proj", "encoder/patch_embed/proj")
        | norm("encoder.patch_embed.norm", "encoder/patch_norm")
        | {"encoder.mask_token": TOKEN}
        | norm("encoder.norm", "encoder/norm")
        | layer("decoder.0", "decoder")
        | _position(config, f"encoder.{POSITION}")
        | _stages(config, "encoder.layers.{}.blocks.{}")
    )
    for i in range(len(config["depths"]) - 1):
        theirs, ours = f"encoder.layers.{i}.downsample", f"encoder/merge_{i}"
        table |= norm(f"{theirs}.norm", f"{ours}/norm")
        table |= layer(f"{theirs}.reduction", f"{ours}/reduction", bias=False)
    return table


def _swinrec(config: Mapping[str, Any]) -> Table:
    table = (
        layer("conv_first", "encoder/conv_first")
        | norm("patch_embed.norm", "encoder/patch_norm")
        | {"mask_token": TOKEN}
        | norm("norm", "encoder/norm")
        | layer("conv_after_body", "encoder/conv_last")
        | layer("conv_last", "decoder")
        | _position(config, POSITION)
        | _stages(config, "layers.{}.residual_group.blocks.{}")
    )
    for i in range(len(config["depths"])):
        table |= layer(f"layers.{i}.conv", f"encoder/conv_{i}")
    return table


TABLES = {"vit": _vit, "swin": _swin, "swinrec": _swinrec}


def _position(config: Mapping[str, Any], theirs: str) -> Table:
    """Theirs is [1, h w, D], ours [1, h, w, D]."""
    if not config.get("position_embedding", False):
        return {}
    grid = build_model(config).grid()

    def to_ours(value: np.ndarray) -> np.ndarray:
        return value.reshape(1, *grid, -1)

    def to_theirs(value: np.ndarray) -> np.ndarray:
        return value.reshape(1, -1, value.shape[-1])

    return {theirs: Entry("encoder/position/table", to_ours, to_theirs)}


def _stages(config: Mapping[str, Any], name: str) -> Table:
    """Swin blocks; ours are numbered over all stages, the public code's within a stage."""
    table: Table = {}
    for stage, depth in enumerate(config["depths"]):
        for i in range(depth):
            theirs = name.format(stage, i)
            ours = f"encoder/stage_{stage}/block_{sum(config['depths'][:stage]) + i}"
            table |= transformer_block(theirs, ours, attention="attention/within")
            table[f"{theirs}.attn.relative_position_bias_table"] = _relative(
                f"{ours}/attention/relative"
            )
    return table


def _relative(ours: str, rows: int = 0, columns: int = 0) -> Entry:
    """Theirs is [(2h - 1) (2w - 1), heads], ours [2h - 1, 2w - 1, heads]; square without sizes."""

    def to_ours(value: np.ndarray) -> np.ndarray:
        side = math.isqrt(len(value))
        return value.reshape(rows or side, columns or side, -1)

    return Entry(ours, to_ours, lambda value: value.reshape(-1, value.shape[-1]))
