"""Weights of other codes as ours, and back, for every model that has a public code."""

import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from mript_jax.convert import infer, mript, recon_vit, simmim, unet
from mript_jax.errors import UserError, unknown_name_error

__all__ = ["from_torch", "infer_config", "to_torch"]

# Model name -> the module that knows its public code's names.
CODES: dict[str, ModuleType] = {
    "mript": mript,
    "recon_vit": recon_vit,
    "simmim": simmim,
    "unet": unet,
}

# A tensor that only this model's code has, and what reads the config from names and shapes.
SIGNS = {
    "mript": (r"image_encoder\.pos_embed$", infer.infer_config),
    "recon_vit": (r"net\.patch_embed\.proj\.weight$", recon_vit.infer_config),
    "unet": (r"(net\.)?down_sample_layers\.0\.layers\.0\.weight$", unet.infer_config),
    "simmim": (r"(encoder\.patch_embed\.proj|conv_first)\.weight$", simmim.infer_config),
}


def from_torch(
    state_dict: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Our parameters of `config.model` from a public state dict, and the names it ignored."""
    return _code(config).from_torch(state_dict, config)


def to_torch(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """A state dict that the model's public code loads."""
    return _code(config).to_torch(params, config)


def infer_config(state_dict: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """`config.model` of a public state dict, whichever model's it is."""
    shapes = {name.removeprefix("module."): np.shape(v) for name, v in state_dict.items()}
    for model, (sign, read) in SIGNS.items():
        if any(re.match(sign, name) for name in shapes):
            try:
                return read(shapes)
            except KeyError as error:
                raise UserError(f"the state dict lacks {error.args[0]}") from error
            except (ValueError, IndexError, StopIteration) as error:
                raise UserError(
                    f"the state dict begins like one of {model}, "
                    "but its names and shapes are not such a network's"
                ) from error
    raise UserError(
        f"not a state dict of {', '.join(CODES)}: it has {', '.join(sorted(shapes)[:4])}, ..."
    )


def _code(config: Mapping[str, Any]) -> ModuleType:
    if config["name"] not in CODES:
        raise unknown_name_error("model with a public code", config["name"], CODES)
    return CODES[config["name"]]
