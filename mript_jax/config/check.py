"""Checks of a config before anything is computed."""

import functools
import logging
from collections.abc import Mapping

from ml_collections import ConfigDict

from mript_jax.config.files import base_config, flatten_config
from mript_jax.config.names import unknown_field_error
from mript_jax.config.schema import Training
from mript_jax.data.readers import READERS
from mript_jax.errors import UserError
from mript_jax.fields import Field, fields_of
from mript_jax.models import MODELS
from mript_jax.models.regularizer import NETWORKS

log = logging.getLogger(__name__)

FIELDS = fields_of(Training)


def find_field(config: ConfigDict, name: str) -> Field | None:
    """The description of a field of a training config or of one in it (a study's), if any."""
    parts = name.split(".")
    table: Mapping[str, type] = MODELS
    for i, part in enumerate(parts):
        below = ".".join(parts[i:])
        if "optimizer" in config and below in FIELDS:
            return FIELDS[below]
        if config.get("name") in table:
            found = fields_of(table[config.name]).get(below)
            if found is not None:
                return found
            table = NETWORKS  # those of a model in its turn
        config = config.get(part)
        if not isinstance(config, ConfigDict):
            break
    return None


def unknown_fields(config: ConfigDict) -> list[str]:
    """The names of fields that do not exist.

    A model's fields are for its class to check, and options for the reader that takes them.
    """
    elsewhere = ("model.", *(f"data.options.{source}." for source in READERS))
    return [
        name
        for name in flatten_config(config)
        if name not in FIELDS and not name.startswith(elsewhere)
    ]


def drop_unknown_fields(config: ConfigDict) -> ConfigDict:
    """The config of an earlier version, without the fields that are no more."""
    with config.unlocked():
        for name in unknown_fields(config):
            *groups, field = name.split(".")
            del functools.reduce(ConfigDict.__getitem__, groups, config)[field]
    return config


def check_config(config: ConfigDict) -> None:
    """Refuses unknown fields, impossible values, and values that do not go together."""
    for name in unknown_fields(config):
        raise unknown_field_error(name, flatten_config(base_config()))
    check_values(config)
    for group in ("data", "evaluation"):
        _check_tasks(group, config[group])
    _check_weights(config.data)
    _check_ranges(config.data)
    _check_model_tasks(config)
    if (config.data.undersampling == "split") != (config.loss == "self_supervised"):
        raise UserError(
            f"config.data.undersampling={config.data.undersampling!r} and config.loss="
            f"{config.loss!r}: 'split' and 'self_supervised' go together"
        )
    if config.optimizer.warmup_steps > config.total_steps:  # as in trial runs of a few steps
        log.warning(
            "config.optimizer.warmup_steps=%d is more than config.total_steps=%d: "
            "the learning rate never reaches its peak",
            config.optimizer.warmup_steps,
            config.total_steps,
        )


def check_values(config: ConfigDict) -> None:
    """Refuses values that a field of every training config cannot have."""
    values = flatten_config(config)
    for name, field in FIELDS.items():
        if name not in values:
            raise UserError(f"config.{name} is missing")
        field.check(values[name])


def _check_tasks(name: str, group: ConfigDict) -> None:
    accelerations, centers = group.accelerations, group.center_fractions
    if len(accelerations) != len(centers):
        raise UserError(
            f"config.{name} has {len(accelerations)} accelerations and {len(centers)} "
            "center_fractions; each acceleration needs one"
        )
    for acceleration, center in zip(accelerations, centers, strict=True):
        if not 0 <= center <= 1 / acceleration:
            raise UserError(
                f"config.{name}.center_fractions has {center:g} at acceleration {acceleration:g}, "
                f"which leaves {1 / acceleration:.3g} of k-space at most"
            )
    if not group.patterns or not accelerations:
        raise UserError(f"config.{name} needs at least one pattern and one acceleration")


def _check_weights(data: ConfigDict) -> None:
    for weights, of in (("pattern_weights", "patterns"), ("acceleration_weights", "accelerations")):
        values = data[weights]
        if values and (len(values) != len(data[of]) or not sum(values)):
            raise UserError(
                f"config.data.{weights}={values} must be {len(data[of])} numbers of 0 or "
                f"more, one for each of config.data.{of}"
            )


def _check_ranges(data: ConfigDict) -> None:
    for name, values in (
        ("continuous_accelerations", data.continuous_accelerations or (1, 1)),
        ("simulation.noise", data.simulation.noise),
    ):
        if len(values) != 2 or values[0] > values[1]:
            raise UserError(f"config.data.{name}={values} must be the lowest and the highest")


def _check_model_tasks(config: ConfigDict) -> None:
    """A model with a head or a prompt for each pattern and level needs one for each that is."""
    for count, of in (("num_patterns", "patterns"), ("num_levels", "accelerations")):
        most = config.get("model", {}).get(count)
        if most is not None and most < len(config.data[of]):
            raise UserError(
                f"config.model.{count}={most} must be at least {len(config.data[of])}, the number "
                f"of config.data.{of}"
            )
