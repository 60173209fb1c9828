"""Models by name: `build_model(config.model)`."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from mript_jax.errors import UserError, unknown_name
from mript_jax.models.mript import MRIPT

MODELS: dict[str, type[nn.Module]] = {"mript": MRIPT}


def build_model(config: Mapping[str, Any]) -> nn.Module:
    """The model that `config.model` describes; a missing or unknown field is a UserError."""
    if "name" not in config:
        raise UserError(f"config.model needs a name; known: {', '.join(sorted(MODELS))}")
    fields = dict(config)
    name = fields.pop("name")
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    return MODELS[name].from_config(fields)
