"""Conversion of weights between public PyTorch codes and our models, in both directions."""

import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from mript_jax.convert import infer, mript, recon_vit, simmim, unet
from mript_jax.errors import UserError, unknown_name_error

__all__ = ["from_torch", "infer_config", "to_torch"]

# Model name -> the module with the names of its public code.
CODES: dict[str, ModuleType] = {
    "mript": mript,
    "recon_vit": recon_vit,
    "simmim": simmim,
    "unet": unet,
}

# Model name -> a tensor that only its public code has, and the function that infers the config.
SIGNS = {
    "mript": (r"image_encoder\.pos_embed$", infer.infer_config),
    "recon_vit": (r"net\.patch_embed\.proj\.weight$", recon_vit.infer_config),
    "unet": (r"((u?net)\.)?down_sample_layers\.0\.layers\.0\.weight$", unet.infer_config),
    "simmim": (r"(encoder\.patch_embed\.proj|conv_first)\.weight$", simmim.infer_config),
}


def from_torch(
    state_dict: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Convert a state dict of the model's public code to our parameters.

    Args:
      state_dict: its tensors by name, as NumPy arrays.
      config: `config.model`, such as `infer_config` returns.

    Returns:
      The parameters, a nested dict as flax takes them, and the names of ignored tensors: those that
      have no effect on the output.

    Raises:
      UserError: tensors are missing, unexpected, or of a shape that does not fit the config.
    """
    return _code(config).from_torch(state_dict, config)


def to_torch(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Convert our parameters to a state dict that the model's public code loads.

    Args:
      params: the parameters of the model, a nested dict.
      config: its `config.model`.

    Returns:
      The tensors by name, float32 NumPy arrays in PyTorch's layout.
    """
    return _code(config).to_torch(params, config)


def infer_config(state_dict: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Infer `config.model` from the names and shapes of a public state dict, of any of our models.

    Args:
      state_dict: its tensors by name.

    Returns:
      The fields of `config.model`, `name` included.

    Raises:
      UserError: the state dict is of no known model, or its shapes leave a field undetermined.
    """
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
                    "but its other names and shapes are not those of this network"
                ) from error
    raise UserError(
        f"not a state dict of {', '.join(CODES)}: it has {', '.join(sorted(shapes)[:4])}, ..."
    )


def _code(config: Mapping[str, Any]) -> ModuleType:
    if config["name"] not in CODES:
        raise unknown_name_error("model with a public code", config["name"], CODES)
    return CODES[config["name"]]
