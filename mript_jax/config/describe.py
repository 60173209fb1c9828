"""A config in words: every field with its value, its default, what it can be and what it means."""

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from mript_jax.config.check import find_field
from mript_jax.config.files import flatten_config
from mript_jax.fields import fields_of
from mript_jax.models import MODELS
from mript_jax.models.regularizer import NETWORKS


def describe_config(config: ConfigDict) -> str:
    """Each field with its value and its meaning, the model's fields with a default included."""
    values = flatten_config(config)
    if "model" in config:
        values = model_defaults(config) | values
    return "\n".join(_described(config, name, values[name]) for name in sorted(values))


def model_defaults(config: ConfigDict) -> dict[str, Any]:
    """Defaults of the fields of `config.model`, and of its network's, by dotted name."""
    return _defaults("model", config.model, MODELS)


def _defaults(name: str, group: ConfigDict, table: Mapping[str, type]) -> dict[str, Any]:
    """The defaults of a model's fields, and of the fields of a network that it consists of."""
    if group.get("name") not in table:
        return {}
    fields = fields_of(table[group.name], f"{name}.").items()
    values = {key: f.default for key, f in fields if f.default is not dataclasses.MISSING}
    for key, below in group.items():
        if isinstance(below, ConfigDict):
            values |= _defaults(f"{name}.{key}", below, NETWORKS)
    return values


def _described(config: ConfigDict, name: str, value: object) -> str:
    field = find_field(config, name)
    if field is None:
        return f"{name} = {value!r}"
    default = "" if field.default is dataclasses.MISSING else f" (default: {field.default!r})"
    lines = textwrap.wrap(f"{field.limits.meaning}; {field.expected()}{default}", 92)
    return "\n    ".join([f"{name} = {value!r}", *lines])
