"""Starting from a checkpoint: what fits is taken over, what does not is listed."""

import logging
import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from mript_jax.checkpoint import load_config, load_params
from mript_jax.errors import UserError
from mript_jax.training.sharding import path_name

log = logging.getLogger(__name__)

PER_TASK = r"^(head|tail)/|^prompt/(levels|patterns)$"  # one entry of the first axis for each


def initialise_from(checkpoint: str, params: Any, model: Mapping[str, Any]) -> Any:
    """`params` with the values of a checkpoint wherever name and shape agree.

    Where `config.model` has more patterns or levels than the checkpoint's, those that are new
    start as the mean of the old ones.
    """
    old = load_config(checkpoint).model
    # In split mode a head's number is pattern * levels + level: more levels move all others.
    grows = old.get("mode") != "split" or old.get("num_levels") == model.get("num_levels")
    stored = {
        path_name(path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(load_params(checkpoint))
    }
    fresh, grown, taken = [], [], []

    def choose(path: tuple, leaf: jax.Array) -> Any:
        name = path_name(path)
        known = stored.get(name)
        if known is not None and known.shape == leaf.shape:
            taken.append(name)
            return np.asarray(known, leaf.dtype)
        if known is not None and grows and _can_grow(name, known.shape, leaf.shape):
            taken.append(name)
            grown.append(f"{name}: {len(known)} of {len(leaf)}")
            new = np.repeat(known.mean(axis=0, keepdims=True), len(leaf) - len(known), axis=0)
            return np.concatenate([known, new]).astype(leaf.dtype)
        fresh.append(f"{name} {leaf.shape}")
        return leaf

    chosen = jax.tree_util.tree_map_with_path(choose, params)
    if not taken:
        raise UserError(f"config.init_from: nothing in {checkpoint} fits this model")
    for what, names in (
        ("not in it, so started fresh", fresh),
        ("only in part in it, the rest started as their mean", grown),
        ("not used", sorted(set(stored) - set(taken))),
    ):
        if names:
            log.warning("%s: %s: %s", checkpoint, what, "; ".join(names))
    return chosen


def _can_grow(name: str, old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    return bool(re.search(PER_TASK, name)) and old[1:] == new[1:] and old[0] < new[0]
