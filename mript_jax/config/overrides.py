"""Overrides of a config's fields from the command line: `--config.a.b=value`."""

import ast
import contextlib
import logging
import re
import types
import typing
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from ml_collections import ConfigDict

from mript_jax.config.check import find_field
from mript_jax.config.files import flatten_config, load_config_file
from mript_jax.config.names import current_name, unknown_field_error
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.fields import Field, Limits
from mript_jax.models import MODELS

log = logging.getLogger(__name__)

TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
CONFIG_OF_MODEL = {"mript": "mript_tiny"}  # where it is not the model's name
BESIDE_MODEL = (  # what networks of another kind are trained with otherwise
    *("loss", "data.undersampling", "evaluation.protocol"),
    *("optimizer.name", "optimizer.learning_rate"),
)

# Of texts that are no Python value; the last two are of deep nesting.
NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)

Override = tuple[str, str | None]  # name of the field, text of the value if there is one


def split_overrides(arguments: Sequence[str]) -> tuple[list[Override], list[str]]:
    """The overrides among command-line arguments, in order, and all other arguments."""
    overrides, others, left = [], [], list(arguments)
    while left:
        argument = left.pop(0)
        found = re.fullmatch(r"--?(no)?config\.([^=]+)(=.*)?", argument, re.DOTALL)
        if not found:
            others.append(argument)
            continue
        negated, name, value = found.groups()
        if value is not None:
            value = value[1:]
        elif negated:
            value = "false"
        elif left and not left[0].startswith("--"):  # as "--config.a.b value"
            value = left.pop(0)
        overrides.append((name, value))
    return overrides, others


def apply_overrides(config: ConfigDict, overrides: Iterable[Override]) -> ConfigDict:
    """Sets fields of `config` to values given as text; a tuple's that is repeated grows.

    `model=unet` or `model.name=unet` comes first: where the model is another one, the group gets
    the fields of that model's config, which further overrides change. Which other fields that
    config has otherwise is told. A field without a text becomes true.
    """
    texts: dict[str, list[str | None]] = {}
    for given, text in overrides:
        name = current_name(given, text)
        if name is not None:
            texts.setdefault(name, []).append(text)
    chosen = {name: _chosen_model(config, name, values[-1]) for name, values in texts.items()}
    replaced = [
        group for group in chosen.values() if group is not None and _take_over_model(*group)
    ]
    for name, values in texts.items():
        if chosen[name] is None:
            _override(config, name, values)
    for group, model in replaced:
        _tell_other_fields(group, model)
    return config


def _chosen_model(config: ConfigDict, name: str, text: str | None) -> tuple[ConfigDict, str] | None:
    """The group whose `model` an override chooses by its name, and that; None for others."""
    *groups, leaf = name.removesuffix(".name").split(".")
    if leaf != "model" or text is None or text not in MODELS:
        return None
    group: Any = config
    for part in groups:
        group = group.get(part) if isinstance(group, ConfigDict) else None
    known = isinstance(group, ConfigDict) and isinstance(group.get("model"), ConfigDict)
    return (group, text) if known else None


def _take_over_model(group: ConfigDict, name: str) -> bool:
    """Gives `group.model` the fields of a model's config file; False if it is that model."""
    if group.model.get("name") == name:
        return False
    model = _config_of(name).model
    with group.unlocked():
        group.model = model.copy_and_resolve_references()
        if "image_size" in model and "data" in group:
            group.model.image_size = group.data.get_ref("image_size")
    return True


def _tell_other_fields(group: ConfigDict, name: str) -> None:
    """Says what a model that was chosen by its name is trained with otherwise in its config."""
    here, own = flatten_config(group), flatten_config(_config_of(name))
    others = [
        f"{field}={here[field]!r} (there {own[field]!r})"
        for field in BESIDE_MODEL
        if field in here and here[field] != own[field]
    ]
    if others:
        log.warning(
            "config.model=%s takes over no more than the model of --config=%s; still %s",
            *(name, CONFIG_OF_MODEL.get(name, name), ", ".join(others)),
        )


def _config_of(model: str) -> ConfigDict:
    return load_config_file(CONFIG_OF_MODEL.get(model, model))


def _override(config: ConfigDict, name: str, texts: list[str | None]) -> None:
    *groups, leaf = name.split(".")
    group = config
    for part in groups:
        group = group.get(part) if isinstance(group, ConfigDict) else None
    field = find_field(config, name)
    if not isinstance(group, ConfigDict) or (leaf not in group and field is None):
        raise unknown_field_error(name, flatten_config(config))
    if leaf in group and isinstance(group[leaf], ConfigDict):
        raise _group_error(name, texts[-1])
    if field is None:  # a model's or a reader's that is not described: as it is now
        kind = group.get_type(leaf)
        field = Field(name, tuple[typing.Any, ...] if kind is tuple else kind, None, Limits(""))
    value = _parse_all(texts, field.kind, name)
    field.check(value, name)
    with group.unlocked(), group.ignore_type():
        group[leaf] = value


def _group_error(name: str, text: str | None) -> UserError:
    if name.endswith("model") and text is not None and text.isidentifier():
        return unknown_name_error("model", text, MODELS)
    return UserError(
        f"config.{name} is a group of fields; set them one at a time: --config.{name}.FIELD=value"
    )


def _parse_all(texts: list[str | None], kind: Any, name: str) -> Any:
    values = [_parse(text, kind, name) for text in texts]
    if len(values) > 1 and all(isinstance(value, tuple) for value in values):
        return tuple(item for value in values for item in value)
    return values[-1]


def _parse(text: str | None, kind: Any, name: str) -> Any:
    """The value that a text stands for in a field of some type; the text where it is none."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if text is None and bool not in kinds:
        raise UserError(f"config.{name} needs a value: --config.{name}=VALUE")
    text = "true" if text is None else text
    if bool in kinds and text.lower() in TRUTH:
        return TRUTH[text.lower()]
    if kind is str:
        if text == "None":
            raise UserError(
                f"config.{name}=None is a text as any other; for none use --config.{name}="
            )
        return text
    value: Any = text
    with warnings.catch_warnings(), contextlib.suppress(*NO_LITERAL):
        warnings.simplefilter("ignore", SyntaxWarning)
        value = ast.literal_eval(text)
    if isinstance(value, float) and int in kinds and value.is_integer():
        return int(value)  # 1e5 steps
    if isinstance(value, list):
        return tuple(value)
    if typing.get_origin(kind) is tuple and not isinstance(value, tuple):
        return (value,)
    if isinstance(value, str) and kind is float:  # inf and nan, which are refused by their names
        try:
            return float(value)
        except ValueError:
            return value
    return value
