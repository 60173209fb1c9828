"""Initialization from a checkpoint: parameters that fit are copied, the others are listed.

Low-rank adapters: lora.py. Frozen parameters: optimizer.py.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.errors import UserError
from mript_jax.training.sharding import path_name

log = logging.getLogger(__name__)

TABLE = re.compile(r"prompt/(patterns|levels)")  # first axis: one entry for each of them
PER_CASCADE = re.compile(r"cascades/")  # first axis: one for each cascade of an unrolled network
PER_TASK = re.compile(r"(head|tail)/")  # first axis: one for each pattern, level, or task
FIRST_LAYER = re.compile(r"network/(stem|conv_0)/kernel")  # of a cascade: its features are scaled
AXES = ("type", "level")  # modes with one head for each pattern, for each level
POSITIONS = {  # tables that a model resizes to the grid of its image, and their axes over the grid
    "position": (-3, -2),
    "table": (-3, -2),
    "relative": (-3, -2),
    "relative_h": (-2,),
    "relative_w": (-2,),
}


def initialize_from(checkpoint: str, params: Any, model: Mapping[str, Any]) -> Any:
    """Return `params` with the values of a checkpoint wherever name and shape agree.

    Parameters for each pattern and level are adapted to those of `config.model`: they are copied by
    position, and new patterns and levels start at the mean of the old ones. Position tables of
    another image size are resized, as the models resize them themselves. So that an unrolled
    network may grow while it learns, another number of cascades starts from those at the nearest
    places, and in wider layers new channels come after the old ones, which do not see them. First
    layers are adapted to another scale of their features.
    """
    old = load_checkpoint_config(checkpoint).model
    scale = _input_scale(old) / _input_scale(model)
    stored = {
        path_name(path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(load_params(checkpoint))
    }
    fresh, fitted, taken = [], [], []

    def choose(path: tuple, leaf: jax.Array) -> Any:
        name = path_name(path)
        known = stored.get(name)
        if known is None:
            fresh.append(f"{name} {leaf.shape}")
            return leaf
        values = _for_grid(name, _for_tasks(name, known, old, model), leaf.shape)
        values = _for_widths(name, _for_cascades(name, values, leaf.shape), leaf)
        if values.shape != leaf.shape:
            fresh.append(f"{name} {leaf.shape}, there {known.shape}")
            return leaf
        if scale != 1 and FIRST_LAYER.search(name):
            values = scale * values
        taken.append(name)
        if values is not known:
            fitted.append(f"{name}: {known.shape} to {leaf.shape}")
        return np.asarray(values, leaf.dtype)

    chosen = jax.tree_util.tree_map_with_path(choose, params)
    if not taken:
        raise UserError(f"config.init_from: nothing in {checkpoint} fits this model")
    for note, names in (
        ("not in the checkpoint, newly initialized", fresh),
        (
            "adapted to these tasks (new ones as the mean of the old), cascades, widths, sizes",
            fitted,
        ),
        ("not used", sorted(set(stored) - set(taken))),
    ):
        if names:
            log.warning("%s: %s: %s", checkpoint, note, "; ".join(names))
    return chosen


def _input_scale(model: Mapping[str, Any]) -> float:
    return model.get("network", {}).get("input_scale", 1.0)


def _for_tasks(
    name: str, values: np.ndarray, old: Mapping[str, Any], new: Mapping[str, Any]
) -> np.ndarray:
    """Values of a checkpoint, adapted to the patterns and levels of the new model."""
    table = TABLE.fullmatch(name)
    if not (table or PER_TASK.match(name)) or "mode" not in old or "mode" not in new:
        return values
    if table:
        count = new[f"num_{table[1]}"]
        return values if len(values) == count else _resize(values, 0, count)
    if _grid(old) == _grid(new) and old["mode"] == new["mode"]:
        return values
    grid = values.reshape(*_grid(old), *values.shape[1:])  # [patterns, levels, ...]
    for axis, count in enumerate(_grid(new)):
        separate = {old["mode"], new["mode"]} <= {AXES[axis], "split"}
        grid = _resize(grid if separate else grid.mean(axis, keepdims=True), axis, count)
    return grid.reshape(-1, *values.shape[1:])


def _for_grid(name: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A position table, resized to that of another grid, if only the grid differs."""
    axes = POSITIONS.get(name.rsplit("/", 1)[-1], ())
    if values.shape == shape or values.ndim != len(shape):
        return values
    same = [n == m for n, m in zip(values.shape, shape, strict=True)]
    for axis in axes:
        same[axis] = True
    return (
        np.asarray(jax.image.resize(values, shape, "bilinear", antialias=False))
        if all(same)
        else values
    )


def _for_cascades(name: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of the cascades at the nearest places, if only the number of cascades differs."""
    if not PER_CASCADE.match(name) or values.shape == shape or values.shape[1:] != shape[1:]:
        return values
    return values[np.linspace(0, len(values) - 1, shape[0]).round().astype(int)]


def _for_widths(name: str, values: np.ndarray, leaf: jax.Array) -> np.ndarray:
    """Values of a cascade's layer amid those of a wider one: kernels [..., inputs, outputs]."""
    shape = leaf.shape
    layer = PER_CASCADE.match(name) and name.endswith(("kernel", "bias"))
    if not layer or values.shape == shape or values.ndim != len(shape):
        return values
    parts = 2 if "modulation" in name else 1  # a scale and a shift for each channel
    old, wider = (np.array(array).reshape(*array.shape[:-1], parts, -1) for array in (values, leaf))
    if any(n > m for n, m in zip(old.shape, wider.shape, strict=True)):
        return values
    if name.endswith("kernel"):
        inputs, _, outputs = old.shape[-3:]
        wider[..., inputs:, :, :outputs] = 0
    wider[tuple(slice(n) for n in old.shape)] = old
    return wider.reshape(shape)


def _grid(model: Mapping[str, Any]) -> tuple[int, ...]:
    """The numbers of patterns and of levels that have separate heads."""
    counts = zip(AXES, (model["num_patterns"], model["num_levels"]), strict=True)
    return tuple(count if model["mode"] in (mode, "split") else 1 for mode, count in counts)


def _resize(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    """The first `count` entries along an axis; additional ones are the mean of all."""
    kept = np.take(values, range(min(count, values.shape[axis])), axis)
    mean = values.mean(axis, keepdims=True)
    return np.concatenate([kept, np.repeat(mean, count - kept.shape[axis], axis)], axis)
