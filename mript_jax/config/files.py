"""Configs as ConfigDicts: the base that the files of `configs/` start from, and copies of configs.

The `model` group is the files' own, since its fields are those of the model's class. A checkpoint's
config is read back by checkpoint.py.
"""

import dataclasses
import hashlib
import importlib.util
import inspect
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FieldReference

from mript_jax.config.names import rename_fields
from mript_jax.config.schema import Training
from mript_jax.config.shipped import config_path
from mript_jax.errors import UserError


def base_config() -> ConfigDict:
    """The fields that all experiments share, with their defaults."""
    return _from_schema(Training)


def load_config_file(path: str | Path, *arguments: str) -> ConfigDict:
    """The config of a file, or of one of `configs/` by its name.

    `arguments` are those of its get_config, as "FILE:argument" gives them on the command line.
    """
    path = config_path(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if arguments and not inspect.signature(module.get_config).parameters:
        preset = f":{arguments[0]}"
        raise UserError(f"the config {path.stem} has no presets; leave out {preset!r}")
    return rename_fields(module.get_config(*arguments))


def derive_config(config: ConfigDict, changes: Mapping[str, Any] | None = None) -> ConfigDict:
    """A copy that differs by `changes`: its other fields follow `config`'s until they are set."""
    copy = _followers(config, {}).lock()
    copy.update(changes or {})
    return copy


def flatten_config(config: ConfigDict, prefix: str = "") -> dict[str, Any]:
    """The values of all fields, by their names from the top, such as data.path."""
    fields: dict[str, Any] = {}
    for name, value in config.items():
        below = isinstance(value, ConfigDict)
        fields |= flatten_config(value, f"{prefix}{name}.") if below else {prefix + name: value}
    return fields


def config_hash(config: ConfigDict) -> str:
    """A short name for everything that a config says."""
    text = json.dumps(json.loads(config.to_json_best_effort()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _from_schema(group: type) -> ConfigDict:
    config = ConfigDict()
    for field in dataclasses.fields(group):
        if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
            config[field.name] = _from_schema(field.type)
        elif isinstance(field.type, types.UnionType):  # a number or a pair
            config[field.name] = FieldReference(field.default, field_type=object)
        else:
            config[field.name] = field.default
    return config


def _followers(config: ConfigDict, known: dict[int, FieldReference]) -> ConfigDict:
    """Fields that share a value in `config` (the image size) share one in the copy too."""
    copy = ConfigDict()
    for name in config:
        if isinstance(config[name], ConfigDict):
            copy[name] = _followers(config[name], known)
        else:
            followed = config.get_ref(name)
            copy[name] = known.setdefault(id(followed), followed.identity())
    return copy
