"""Where an image came from: the method, and the weights that it used."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

import mript_jax
from mript_jax.checkpoint import find_checkpoint, load_checkpoint_config, load_params
from mript_jax.commit import commit
from mript_jax.config import config_hash

WITHIN_RUN = ("best", "training", "checkpoints")  # folders whose names say nothing of the run


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Facts that every output carries, besides the acceleration of its masks."""

    method: str = ""  # such as "unrolled" or "tv"
    checkpoint: str = ""  # its name or its run's; none for a method without weights
    checkpoint_sha256: str = ""
    config_hash: str = ""  # of the checkpoint's config, as evaluations name it
    version: str = mript_jax.__version__
    commit: str = dataclasses.field(default_factory=commit)


def checkpoint_provenance(checkpoint: str | Path, method: str) -> Provenance:
    """The provenance of images that `method` makes with a checkpoint's weights.

    The hash of a file of weights is that of the file; a checkpoint's folder has that of its
    parameters, whatever files they are spread over. Folders above the run are not named.
    """
    trained_with = config_hash(load_checkpoint_config(checkpoint))
    return Provenance(method, checkpoint_name(checkpoint), hash_weights(checkpoint), trained_with)


def checkpoint_name(checkpoint: str | Path) -> str:
    """The name of a model, of a file of weights, or of a run: "ours" of runs/ours/training/best."""
    path = Path(checkpoint)
    if not path.is_dir():
        return path.name
    folders = (path.absolute(), *path.absolute().parents)
    return next((f.name for f in folders if f.name and not _is_within_run(f)), path.name)


def _is_within_run(folder: Path) -> bool:
    is_step = folder.name.isdigit() and (folder / "params").is_dir()
    return is_step or folder.name in WITHIN_RUN


def hash_weights(checkpoint: str | Path) -> str:
    """SHA-256 of a file of weights, or of the parameters in a folder."""
    step = find_checkpoint(checkpoint)
    if step.is_file():
        return hashlib.sha256(step.read_bytes()).hexdigest()
    return hash_params(load_params(step))


def hash_params(params: Mapping[str, Any]) -> str:
    """SHA-256 of parameters: their names, shapes, types and values."""
    digest = hashlib.sha256()
    for path, value in jax.tree_util.tree_leaves_with_path(dict(params)):
        array = np.asarray(value)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
