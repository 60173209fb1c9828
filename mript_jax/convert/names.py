"""Name table of the public MR-IPT: its tensors, and the corresponding parameters of ours.

The table depends on the config, which has the numbers of heads, blocks and layers.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from mript_jax.models.encoder import pattern_length

# Tensors of the public code without effect on its output.
UNUSED = re.compile(
    r"image_decoder\.(transformer\.(final_attn_token_to_image|norm_final_attn)"
    r"|output_hypernetworks_mlp)\."
)
MODEL = re.compile(r"(head|tail|image_encoder|prompt_encoder|image_decoder)\.")

HEAD = {
    "0": "conv_in",
    "1.body.0": "residual_0_in",
    "1.body.2": "residual_0_out",
    "2.body.0": "residual_1_in",
    "2.body.2": "residual_1_out",
}
ENCODER = {
    "patch_embed.proj": "patch_embed/proj",
    "neck.0": "neck_reduce",
    "neck.1": "neck_norm_0/norm",
    "neck.2": "neck_mix",
    "neck.3": "neck_norm_1/norm",
}
BLOCK = {
    "norm1": "norm_attention/norm",
    "attn.qkv": "attention/qkv",
    "attn.proj": "attention/proj",
    "norm2": "norm_mlp/norm",
    "mlp.lin1": "mlp/dense_in",
    "mlp.lin2": "mlp/dense_out",
}
LAYER = {
    "norm1": "norm_self/norm",
    "norm2": "norm_token/norm",
    "norm3": "norm_mlp/norm",
    "norm4": "norm_image/norm",
    "mlp.lin1": "mlp/dense_in",
    "mlp.lin2": "mlp/dense_out",
    **{
        f"{theirs}.{a}_proj": f"{ours}/{b}"
        for theirs, ours in (
            ("self_attn", "self_attention"),
            ("cross_attn_token_to_image", "token_to_image"),
            ("cross_attn_image_to_token", "image_to_token"),
        )
        for a, b in (("q", "query"), ("k", "key"), ("v", "value"), ("out", "out"))
    },
}


class Place(NamedTuple):
    """Destination of a tensor: a parameter, or one row of a stacked parameter."""

    name: str
    row: int | None = None


def name_table(config: Mapping[str, Any]) -> dict[str, Place]:
    """The destination of each tensor of the public state dict, by name."""
    places = {
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": Place(
            "decoder/grid_encoding/gaussian"
        ),
        "image_encoder.pos_embed": Place("encoder/position"),
    }
    for i in range(config["num_levels"]):
        places[f"prompt_encoder.level_embeddings.{i}.weight"] = Place("prompt/levels", i)
    for i in range(config["num_patterns"]):
        places[f"prompt_encoder.type_embeddings.{i}.weight"] = Place("prompt/patterns", i)

    for row, prefix in enumerate(_task_prefixes(config)):
        for theirs, ours in HEAD.items():
            places |= _layer(f"head.{prefix}.{theirs}", f"head/{ours}", row)
        places |= _layer(f"tail.{prefix}.1", "tail", row)

    for theirs, ours in ENCODER.items():
        places |= _layer(f"image_encoder.{theirs}", f"encoder/{ours}")
    length = pattern_length(config["depth"], tuple(config["global_blocks"]))
    for i in range(config["depth"]):
        row, block = divmod(i, length)
        theirs, ours = f"image_encoder.blocks.{i}", f"encoder/groups/block_{block}"
        for a, b in BLOCK.items():
            places |= _layer(f"{theirs}.{a}", f"{ours}/{b}", row)
        for side in "hw":
            places[f"{theirs}.attn.rel_pos_{side}"] = Place(
                f"{ours}/attention/relative_{side}", row
            )

    for i in range(config["decoder_depth"]):
        for theirs, ours in LAYER.items():
            places |= _layer(
                f"image_decoder.transformer.layers.{i}.{theirs}", f"decoder/layer_{i}/{ours}"
            )
    stages = config["patch_size"].bit_length() - 1
    for i in range(stages):  # each a sequence of convolution, norm, activation
        places |= _layer(f"image_decoder.output_upscaling.{3 * i}", f"decoder/upscale_{i}")
        if i < stages - 1:
            places |= _layer(
                f"image_decoder.output_upscaling.{3 * i + 1}", f"decoder/upscale_norm_{i}/norm"
            )
    return places


def _task_prefixes(config: Mapping[str, Any]) -> list[str]:
    """The public code's name of each head and tail, in the order of our index."""
    patterns, levels = range(config["num_patterns"]), range(config["num_levels"])
    if config["mode"] == "split":
        return [f"{pattern}.{level}" for pattern in patterns for level in levels]
    return [str(i) for i in (patterns if config["mode"] == "type" else levels)]


def _layer(theirs: str, ours: str, row: int | None = None) -> dict[str, Place]:
    """Weight and bias of a layer; a neck convolution has no bias."""
    weight = "scale" if ours.endswith("/norm") else "kernel"
    places = {f"{theirs}.weight": Place(f"{ours}/{weight}", row)}
    if not ours.startswith("encoder/neck") or weight == "scale":
        places[f"{theirs}.bias"] = Place(f"{ours}/bias", row)
    return places
