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


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Facts that every output carries, besides the acceleration of its masks."""

    method: str = ""  # such as "unrolled" or "tv"
    checkpoint: str = ""  # its name or its folder's; none for a method without weights
    checkpoint_sha256: str = ""
    config_hash: str = ""  # of the checkpoint's config, as evaluations name it
    version: str = mript_jax.__version__
    commit: str = dataclasses.field(default_factory=commit)


def checkpoint_provenance(checkpoint: str | Path, method: str) -> Provenance:
    """The provenance of images that `method` makes with a checkpoint's weights.

    The hash of a file of weights is that of the file; a checkpoint's folder has that of its
    parameters, whatever files they are spread over. Folders above the checkpoint are not named.
    """
    trained_with = config_hash(load_checkpoint_config(checkpoint))
    return Provenance(method, Path(checkpoint).name, hash_weights(checkpoint), trained_with)


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
