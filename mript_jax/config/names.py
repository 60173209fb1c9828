"""Field names of earlier versions, and what a mistyped name may have meant."""

import difflib
import functools
import logging
from collections.abc import Iterable
from typing import Any

from ml_collections import ConfigDict

from mript_jax.errors import UserError

log = logging.getLogger(__name__)

RENAMED = {  # old name -> new name, in the same group
    "data.scale": "data.normalize_by",
    "optimizer.images_at_once": "optimizer.micro_batch_size",
}
REMOVED = {  # old name -> why it is needed no more
    "data.fields": "batches have the fields that the model and the loss read",
    "model.prompt": "the paper's table is MR-IPT's only prompt",
    "model.accelerations": "only the continuous prompt read them",
}
LOST = {  # field and value that mean nothing now -> why, and what there is instead
    "model.prompt=continuous": "on radial, Poisson-disc and CAIPI sampling it was worse than the "
    "table; config.model.name=unrolled takes any sampling",
}
# Fields younger than some checkpoints whose default is not what those were trained with.
BEFORE = {"data.normalize_by": "target"}

ELSEWHERE = {  # what other projects call our fields
    "lr": ("optimizer.learning_rate",),
    "batch_size": ("global_batch_size", "evaluation.batch_size"),
    "steps": ("total_steps",),
    "epochs": ("total_steps",),
    "num_epochs": ("total_steps",),
    "num_steps": ("total_steps",),
    "dataset": ("data.source",),
    "data_dir": ("data.path",),
    "data_path": ("data.path",),
    "warmup": ("optimizer.warmup_steps",),
    "betas": ("optimizer.b1", "optimizer.b2"),
    "grad_clip": ("optimizer.clip_l2",),
    "num_workers": ("data.workers",),
    "resume": ("init_from",),
    "checkpoint": ("init_from",),
    "name": ("model.name", "optimizer.name"),
}


def current_name(name: str, value: Any) -> str | None:
    """The present name of a field, at any depth (a study's runs); None for one that is no more.

    A value that means nothing now is a UserError.
    """
    for old, new in RENAMED.items():
        if _ends(name, old):
            _notice(f"config.{old} is now config.{new}; its value is taken over")
            return name.removesuffix(old) + new
    for old, why in REMOVED.items():
        if _ends(name, old):
            if f"{old}={value}" in LOST:
                raise UserError(f"config.{old}={value} is no more: {LOST[f'{old}={value}']}")
            _notice(f"config.{old} is no more and is ignored: {why}")
            return None
    return name


def rename_fields(config: ConfigDict) -> ConfigDict:
    """The config with the present names for those of an earlier version."""
    for value in config.values():
        if isinstance(value, ConfigDict):
            rename_fields(value)
    for old in (*RENAMED, *REMOVED):
        group, field = old.split(".")
        if not isinstance(config.get(group), ConfigDict) or field not in config[group]:
            continue
        new = current_name(old, config[group][field])
        with config.unlocked():
            if new is not None:
                config[group][new.split(".")[1]] = config[group].get_oneway_ref(field).get()
            del config[group][field]
    return config


def unknown_field_error(name: str, known: Iterable[str]) -> UserError:
    """The error for a field that is not there, with the full names of those that may be meant.

    `known` are all fields; a group of them, such as model, may be meant too.
    """
    fields = [full.split(".") for full in known]
    known = sorted({".".join(full[:depth]) for full in fields for depth in range(1, len(full) + 1)})
    leaf = name.rpartition(".")[2]
    close = difflib.get_close_matches(name, known, n=1)
    if leaf in ELSEWHERE:
        meant = _of_the_same_run(name, ELSEWHERE[leaf], known)
    elif close and _likeness(name, close[0]) > 0.8:
        meant = close
    else:
        meant = _of_the_same_run(name, (leaf,), known) or close
    groups = sorted({full.partition(".")[0] for full in known})
    hint = (
        f"did you mean {' or '.join(map(repr, meant))}?"
        if meant
        else f"there are {', '.join(groups)}; --help_config describes them"
    )
    return UserError(f"unknown config field {name!r}; {hint}")


def _of_the_same_run(name: str, ends: Iterable[str], known: Iterable[str]) -> list[str]:
    """For each ending the known name that is most like `name`: a study has many."""
    found = ([full for full in known if _ends(full, end)] for end in ends)
    return [max(names, key=lambda full: _likeness(name, full)) for names in found if names]


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, name, other).ratio()


def _ends(name: str, old: str) -> bool:
    return name == old or name.endswith(f".{old}")


@functools.cache
def _notice(text: str) -> None:
    """Says something once, however many configs it is true of."""
    log.warning(text)
