"""A config in words: every field with its value, its default, what it can be and what it means."""

import dataclasses
import textwrap

from ml_collections import ConfigDict

from mript_jax.config.check import find_field
from mript_jax.config.files import flatten_config
from mript_jax.fields import fields_of
from mript_jax.models import MODELS


def describe_config(config: ConfigDict) -> str:
    """Each field with its value and its meaning, the model's fields with a default included."""
    values = flatten_config(config)
    if "model" in config and config.model.get("name") in MODELS:
        for name, field in fields_of(MODELS[config.model.name], "model.").items():
            values.setdefault(name, field.default)
    return "\n".join(_described(config, name, value) for name, value in values.items())


def _described(config: ConfigDict, name: str, value: object) -> str:
    field = find_field(config, name)
    if field is None:
        return f"{name} = {value!r}"
    default = "" if field.default is dataclasses.MISSING else f" (default: {field.default!r})"
    lines = textwrap.wrap(f"{field.limits.meaning}; {field.expected()}{default}", 92)
    return "\n    ".join([f"{name} = {value!r}", *lines])
