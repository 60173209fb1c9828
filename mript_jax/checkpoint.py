"""Checkpoints: what a run needs to go on, and what a user needs to run the model, with its config.

A run's folder holds `config.json` and `checkpoints/<step>/`. One step holds the items `params`,
`ema` (where weights are averaged), `training` (optimizer state and counters), `data` (the position
in the data), `config` and `versions`, and their checksums (checksums.py). Whoever only wants the
model reads `params` and `config`; `config.json` is a copy for people. A model alone can also be one
file (weights_file.py), or come with the package (pretrained/).

Of a damaged newest step the one before is used, with a warning.
"""

import contextlib
import itertools
import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

import mript_jax
from mript_jax.checksums import find_damage, has_checksums, write_checksums
from mript_jax.commit import commit
from mript_jax.config import base_config, check_values, flatten_config, rename_fields
from mript_jax.config.names import BEFORE
from mript_jax.errors import UserError
from mript_jax.lora import merge_adapters
from mript_jax.pretrained import pretrained_models
from mript_jax.weights_file import SUFFIX, read_header, read_weights, refuse_nonfinite

log = logging.getLogger(__name__)

FOLDER = "checkpoints"
NEW_RUN = (  # in place of one that cannot go on; the flags in brackets are those of `finetune`
    "use another --workdir (or --output), with config.init_from (or --checkpoint) to start from "
    "its weights"
)
DAMAGED = "damaged"  # where a run that resumes puts damaged steps
_NONE = -1  # stands for no step
OF_MODEL = ("params", "ema", "config")  # items that are read without training
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")


class Checkpoints:
    """The checkpoints of one run: saved in the background, restored onto any mesh."""

    def __init__(self, workdir: str | Path, keep: int = 3):
        logging.getLogger("absl").setLevel(logging.CRITICAL)  # Orbax logs what it raises
        sys.unraisablehook = _ignore_closed_loops
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep,
            enable_async_checkpointing=True,
            cleanup_tmp_directories=True,
            async_options=ocp.AsyncOptions(post_finalization_callback=self._write_checksums),
        )
        self._saving: int | None = None
        self._manager = ocp.CheckpointManager(Path(workdir).absolute() / FOLDER, options=options)

    def latest_step(self) -> int | None:
        return self._manager.latest_step()

    def latest_intact_step(self) -> int | None:
        """The newest step that is not damaged; damaged ones are moved aside, to be saved again."""
        step = _NONE
        if jax.process_index() == 0:
            step = self._move_damaged()
        if jax.process_count() > 1:
            step = int(multihost_utils.broadcast_one_to_all(np.int32(step)))
        self._manager.reload()
        return None if step == _NONE else step

    def save(
        self, step: int, items: Mapping[str, Any], data: Mapping[str, Any], config: ConfigDict
    ) -> None:
        """Starts saving; `items` are trees of arrays, `data` the pipeline's state."""
        if step in self._manager.all_steps():
            return
        arguments = {name: ocp.args.StandardSave(tree) for name, tree in items.items()}
        arguments["data"] = ocp.args.JsonSave(dict(data))
        arguments["config"] = ocp.args.JsonSave(json.loads(config.to_json_best_effort()))
        versions = {name: version(name) for name in PACKAGES}
        versions |= {"mript_jax": mript_jax.__version__, "commit": commit()}
        arguments["versions"] = ocp.args.JsonSave(versions)
        with self._named_errors():
            # The step before, whose checksums need its number.
            self._manager.wait_until_finished()
            self._saving = step
            self._manager.save(step, args=ocp.args.Composite(**arguments))

    def restore(self, step: int, targets: Mapping[str, Any]) -> tuple[dict[str, Any], dict]:
        """Restores items like `targets` (shapes with shardings), and the data state."""
        folder = self._manager.directory / str(step)
        for name in targets:
            if not (folder / name).is_dir():
                raise UserError(
                    f"{folder} holds no {name!r}, so a run cannot go on from it; {NEW_RUN}"
                )
        arguments = {name: ocp.args.StandardRestore(tree) for name, tree in targets.items()}
        wanted = ocp.args.Composite(data=ocp.args.JsonRestore(), **arguments)
        try:
            restored = self._manager.restore(step, args=wanted)
        except Exception as error:  # Orbax raises all kinds: another tree or other shapes, damage
            damaged = "" if has_checksums(folder) else "is damaged or "
            raise UserError(
                f"{folder} {damaged}does not fit the config's model and optimizer; {NEW_RUN}"
            ) from error
        return {name: restored[name] for name in targets}, restored["data"]

    def close(self) -> None:
        """Waits until everything is written; an error of a background save is raised here."""
        with self._named_errors():
            self._manager.wait_until_finished()
            self._manager.close()

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # OSError, ValueError and others, of Orbax's threads
            raise UserError(
                f"the checkpoint of step {self._saving} cannot be written to "
                f"{self._manager.directory}: {_reason(error)}"
            ) from error

    def _write_checksums(self) -> None:
        """Called in the background when all files of a step are written, before it has its name."""
        if jax.process_index() == 0:
            for folder in self._manager.directory.glob(f"{self._saving}.*"):
                write_checksums(Path(folder))

    def _move_damaged(self) -> int:
        """The newest intact step, _NONE if there are no steps; newer ones are moved aside."""
        folder = Path(self._manager.directory)
        steps = [folder / str(step) for step in self._manager.all_steps()]
        if not steps:
            return _NONE
        step, damaged = _newest_intact(steps)
        for path, damage in damaged.items():
            aside = _free_name(folder.parent / DAMAGED / path.name)
            aside.parent.mkdir(exist_ok=True)
            path.rename(aside)
            log.warning(
                "the checkpoint %s is damaged: %s; it was moved to %s, and the run resumes from "
                "step %s",
                *(path, damage, aside, step.name),
            )
        return int(step.name)


def save_params(path: str | Path, params: Mapping[str, Any], config: ConfigDict) -> None:
    """Writes a checkpoint that holds a model alone (a converter's), as step 0 of `path`."""
    checkpoints = Checkpoints(path)
    checkpoints.save(0, {"params": params}, {}, config)
    checkpoints.close()
    write_config(path, config)


def find_checkpoint(path: str | Path) -> Path:
    """The step folder meant by `path`: a run's folder (its newest step) or one step in it.

    Or the file that holds the weights, if `path` is one or the name of a model (pretrained/), which
    a folder of that name does not hide unless there is a checkpoint in it.
    """
    name, path = str(path), Path(path).absolute()
    if path.suffix == SUFFIX and path.is_file():
        return path
    if (path / "params").is_dir():
        damage = find_damage(path, OF_MODEL)
        if damage:
            raise UserError(f"the checkpoint {path} is damaged: {damage}")
        return path
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    inside = folder.iterdir() if folder.is_dir() else ()
    steps = [p for p in inside if p.name.isdigit() and (p / "params").is_dir()]
    if not steps:
        return _pretrained_file(name, path)
    step, damaged = _newest_intact(steps, OF_MODEL)
    for newer, damage in damaged.items():
        log.warning(
            "the checkpoint %s is damaged: %s; using step %s instead", newer, damage, step.name
        )
    return step


def _pretrained_file(name: str, path: Path) -> Path:
    """The weights of the model of that name; `path` is where there is no checkpoint."""
    models = pretrained_models()
    if name in models:
        return models[name].checked_file()
    if path.is_dir():
        raise UserError(f"no checkpoint in {path}: expected {FOLDER}/<step>/ with a finished save")
    raise UserError(
        f"no checkpoint at {path}: there is no such folder, nor a model of this name "
        f"({', '.join(models)})"
    )


def load_checkpoint_config(path: str | Path) -> ConfigDict:
    """The config that a checkpoint carries; fields that are newer than it have their defaults."""
    step = find_checkpoint(path)
    try:
        text = (
            read_header(step)["config"]
            if step.is_file()
            else (step / "config" / "metadata").read_text()
        )
        config = fill_in_newer_fields(parse_config(text))
        check_values(config)
        if not isinstance(config.get("model"), ConfigDict):
            raise UserError("it has no group 'model'")
    except (ValueError, TypeError, AttributeError, RecursionError, UserError) as error:
        raise UserError(f"the config of {step} cannot be used: {error}") from error
    return config


def read_data(step: Path) -> dict[str, Any]:
    """Return the item `data` of a step's folder: the position in the data."""
    return json.loads((step / "data" / "metadata").read_text())


def load_params(path: str | Path, ema: bool = True) -> dict[str, Any]:
    """The parameters as nested dicts of NumPy arrays: averaged where there are, adapters merged."""
    step = find_checkpoint(path)
    if step.is_file():
        return read_weights(step)
    item = step / ("ema" if ema and (step / "ema").is_dir() else "params")
    try:
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            tree = checkpointer.metadata(item).item_metadata.tree
            as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
            args = ocp.args.PyTreeRestore(restore_args=as_numpy)
            restored = checkpointer.restore(item, args=args)
    except Exception as error:  # of a damaged checkpoint Orbax raises all kinds
        raise UserError(f"the weights {item} are damaged: they cannot be read") from error
    refuse_nonfinite(item, restored)
    return merge_adapters(restored)


def write_config(workdir: str | Path, config: ConfigDict) -> None:
    """Writes the resolved config beside the run."""
    path = Path(workdir) / "config.json"
    path.write_text(json.dumps(json.loads(config.to_json_best_effort()), indent=1) + "\n")


def parse_config(text: str) -> ConfigDict:
    """A locked config from its JSON form, where tuples had become lists and names may be old."""
    fields = _tuples(json.loads(text))
    if not isinstance(fields, dict):
        raise UserError("it is no group of fields")
    return rename_fields(ConfigDict(fields)).lock()


def fill_in_newer_fields(config: ConfigDict) -> ConfigDict:
    """The config with all fields of today, those that are newer than it at their defaults."""
    filled = ConfigDict(config).unlock()
    defaults = base_config()
    defaults.update_from_flattened_dict(BEFORE)
    _fill_in(filled, defaults)
    return filled.lock()


def saved_fields(config: ConfigDict) -> dict[str, Any]:
    """All fields by dotted name, as they come back from a file."""
    return flatten_config(parse_config(config.to_json_best_effort()))


def _newest_intact(steps: Iterable[Path], items: Sequence[str] = ()) -> tuple[Path, dict]:
    """The newest step whose `items` are not damaged, and what is wrong with each newer one."""
    damaged: dict[Path, str] = {}
    for step in sorted(steps, key=lambda path: int(path.name), reverse=True):
        damage = find_damage(step, items)
        if damage is None:
            return step, damaged
        damaged[step] = damage
    told = "; ".join(f"{step}: {damage}" for step, damage in damaged.items())
    raise UserError(f"every checkpoint is damaged: {told}")


def _free_name(path: Path) -> Path:
    """The path, or with a number appended if there is something of this name."""
    names = (path if not n else path.with_name(f"{path.name}_{n}") for n in itertools.count())
    return next(name for name in names if not name.exists())


def _reason(error: Exception) -> str:
    """Why something cannot be written, in the words of the operating system if it was asked."""
    number = re.search(r"os_error_code='(\d+)'", str(error))
    if number:
        return os.strerror(int(number[1]))
    return getattr(error, "strerror", None) or str(error)


def _ignore_closed_loops(unraisable: Any) -> None:
    """Python's hook, without what Orbax's threads leave behind when a read or write failed."""
    if str(unraisable.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(unraisable)


def _fill_in(config: ConfigDict, defaults: ConfigDict) -> None:
    for name, value in defaults.items():
        if name not in config:
            config[name] = value
        elif isinstance(value, ConfigDict):
            if not isinstance(config[name], ConfigDict):
                raise UserError(f"its {name!r} is {config[name]!r} and no group of fields")
            _fill_in(config[name], value)


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return value
