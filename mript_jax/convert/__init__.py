"""Weights of other codes as ours, and back, for every model that has a public code."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from mript_jax.convert import public, recon_vit, simmim, unet
from mript_jax.errors import unknown_name

__all__ = ["from_torch", "to_torch"]

# Model name -> the module that knows its public code's names.
CODES: dict[str, ModuleType] = {
    "mript": public,
    "recon_vit": recon_vit,
    "simmim": simmim,
    "unet": unet,
}


def from_torch(
    state_dict: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Our parameters of `config.model` from a public state dict, and the names it ignored."""
    return _code(config).from_torch(state_dict, config)


def to_torch(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """A state dict that the model's public code loads."""
    return _code(config).to_torch(params, config)


def _code(config: Mapping[str, Any]) -> ModuleType:
    if config["name"] not in CODES:
        raise unknown_name("model with a public code", config["name"], CODES)
    return CODES[config["name"]]
