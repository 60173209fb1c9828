"""A config in words: every field with its value, its default, what it can be and what it means."""

import dataclasses

from ml_collections import ConfigDict

from mript_jax.config.check import find_field
from mript_jax.config.files import flatten_config
from mript_jax.fields import fields_of
from mript_jax.models import MODELS


def describe_config(config: ConfigDict) -> str:
    """Two lines for each field, those of the model that have their defaults included."""
    values = flatten_config(config)
    if "model" in config and config.model.get("name") in MODELS:
        for name, field in fields_of(MODELS[config.model.name], "model.").items():
            values.setdefault(name, field.default)
    return "\n".join(_described(config, name, value) for name, value in values.items())


def _described(config: ConfigDict, name: str, value: object) -> str:
    field = find_field(config, name)
    if field is None:
        return f"{name} = {value!r}"
    default = "" if field.default is dataclasses.MISSING else f"default {field.default!r}; "
    return f"{name} = {value!r}\n    {field.limits.meaning} [{default}{field.expected()}]"
