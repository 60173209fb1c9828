"""Starting from a checkpoint: what fits is taken over, what does not is listed."""

import logging
from typing import Any

import jax
import numpy as np

from mript_jax.checkpoint import load_params
from mript_jax.errors import UserError
from mript_jax.training.sharding import path_name

log = logging.getLogger(__name__)


def initialise_from(checkpoint: str, params: Any) -> Any:
    """`params` with the values of a checkpoint wherever name and shape agree."""
    stored = {
        path_name(path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(load_params(checkpoint))
    }
    fresh, taken = [], []

    def choose(path: tuple, leaf: jax.Array) -> Any:
        name = path_name(path)
        if name in stored and stored[name].shape == leaf.shape:
            taken.append(name)
            return np.asarray(stored[name], leaf.dtype)
        fresh.append(f"{name} {leaf.shape}")
        return leaf

    chosen = jax.tree_util.tree_map_with_path(choose, params)
    if not taken:
        raise UserError(f"config.init_from: nothing in {checkpoint} fits this model")
    if fresh:
        log.warning("%s: not in it, so started fresh: %s", checkpoint, "; ".join(fresh))
    unused = sorted(set(stored) - set(taken))
    if unused:
        log.warning("%s: not used: %s", checkpoint, "; ".join(unused))
    return chosen
