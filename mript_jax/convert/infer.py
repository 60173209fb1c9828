"""Inference of MR-IPT's config from the names and shapes of a state dict."""

from typing import Any

import numpy as np

from mript_jax.convert.tables import Shapes, count
from mript_jax.errors import UserError

DECODER_HEADS = 8  # of the public code; shapes do not determine it


def infer_config(shapes: Shapes) -> dict[str, Any]:
    """Infer `config.model` from a state dict of the public MR-IPT."""
    encoder = infer_encoder(shapes)
    patch = shapes["image_encoder.patch_embed.proj.weight"]
    grid = shapes["image_encoder.pos_embed"][1:3]
    height, width = (n * patch[2] for n in grid)
    layer = "image_decoder.transformer.layers.0"
    C = shapes[f"{layer}.self_attn.q_proj.weight"][0]
    return encoder | {
        "name": "mript",
        "mode": _mode(shapes),
        "image_size": height if height == width else (height, width),
        "patch_size": patch[2],
        "features": patch[1],
        "decoder_depth": count(shapes, r"image_decoder\.transformer\.layers\.(\d+)\."),
        "decoder_heads": DECODER_HEADS,
        "decoder_mlp": shapes[f"{layer}.mlp.lin1.weight"][0],
        "decoder_downsample": C // shapes[f"{layer}.cross_attn_image_to_token.q_proj.weight"][0],
        "num_patterns": count(shapes, r"prompt_encoder\.type_embeddings\.(\d+)\."),
        "num_levels": count(shapes, r"prompt_encoder\.level_embeddings\.(\d+)\."),
        "dtype": "float32",
    }


def infer_encoder(shapes: Shapes) -> dict[str, Any]:
    """Infer the fields of the image encoder (Segment Anything uses the same names)."""
    _, h, w, width = shapes["image_encoder.pos_embed"]
    blocks = [
        f"image_encoder.blocks.{i}" for i in range(count(shapes, r"image_encoder\.blocks\.(\d+)\."))
    ]
    tables = [tuple(shapes[f"{block}.attn.rel_pos_{side}"][0] for side in "hw") for block in blocks]
    is_global = [table == (2 * h - 1, 2 * w - 1) for table in tables]
    windows = [(table[0] + 1) // 2 for table, g in zip(tables, is_global, strict=True) if not g]
    return {
        "width": width,
        "depth": len(blocks),
        "heads": width // shapes["image_encoder.blocks.0.attn.rel_pos_h"][1],
        "mlp_ratio": shapes["image_encoder.blocks.0.mlp.lin1.weight"][0] / width,
        "window": windows[0] if windows else h,
        "global_blocks": tuple(int(i) for i in np.flatnonzero(is_global)),
    }


def _mode(shapes: Shapes) -> str:
    """The mode: names of heads have two indices, or their number is that of patterns or levels."""
    if "head.0.0.0.weight" in shapes:
        return "split"
    heads = count(shapes, r"head\.(\d+)\.")
    patterns = count(shapes, r"prompt_encoder\.type_embeddings\.(\d+)\.")
    levels = count(shapes, r"prompt_encoder\.level_embeddings\.(\d+)\.")
    if heads not in (patterns, levels) or patterns == levels:
        raise UserError(
            f"cannot tell from {heads} heads, {patterns} patterns and {levels} levels whether the "
            "mode is type or level; give --config"
        )
    return "type" if heads == patterns else "level"
