"""Models by name: `build_model(config.model)`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mript_jax.errors import UserError, unknown_name_error
from mript_jax.fields import fields_of
from mript_jax.models.base import ReconstructionModel
from mript_jax.models.mript import MRIPT
from mript_jax.models.recon_vit import ReconViT
from mript_jax.models.simmim import SimMIM
from mript_jax.models.unet import UNet

MODELS: dict[str, type[ReconstructionModel]] = {
    "mript": MRIPT,
    "recon_vit": ReconViT,
    "simmim": SimMIM,
    "unet": UNet,
}


def build_model(config: Mapping[str, Any]) -> ReconstructionModel:
    """The model that `config.model` describes.

    The fields of a model class are the fields of its config: those without a default must be
    there, and one that the class does not have is a UserError.
    """
    if "name" not in config:
        raise UserError(f"config.model needs a name; known: {', '.join(sorted(MODELS))}")
    values = {key: _plain(value) for key, value in config.items() if key != "name"}
    if config["name"] not in MODELS:
        raise unknown_name_error("model", config["name"], MODELS)
    model = MODELS[config["name"]]
    fields = {f.name: f for f in dataclasses.fields(model) if f.name not in ("parent", "name")}
    for key in values:
        if key not in fields:
            raise unknown_name_error(f"field of config.model ({config['name']})", key, fields)
    missing = [
        name for name, f in fields.items() if name not in values and f.default is f.default_factory
    ]
    if missing:
        raise UserError(f"config.model ({config['name']}) lacks {', '.join(missing)}")
    for name, field in fields_of(model, "model.").items():
        if name.removeprefix("model.") in values:
            field.check(values[name.removeprefix("model.")])
    built = model(**values)
    built.validate()
    return built


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
