"""Models by name: `build_model(config.model)`. CONTRIBUTING.md lists what a new one needs."""

from collections.abc import Mapping
from typing import Any

from mript_jax.models.base import ReconstructionModel, build_from
from mript_jax.models.mript import MRIPT
from mript_jax.models.recon_vit import ReconViT
from mript_jax.models.simmim import SimMIM
from mript_jax.models.unet import UNet
from mript_jax.models.unrolled import Unrolled

__all__ = ["MODELS", "ReconstructionModel", "build_model"]

MODELS: dict[str, type[ReconstructionModel]] = {
    "mript": MRIPT,
    "recon_vit": ReconViT,
    "simmim": SimMIM,
    "unet": UNet,
    "unrolled": Unrolled,
}


def build_model(config: Mapping[str, Any]) -> ReconstructionModel:
    """Return the model that `config.model` describes."""
    return build_from(MODELS, config, "model")
