"""Name tables between a public state dict and our parameters, and conversion through a table.

An entry has our name of a tensor and the change of layout. Tensors that need more, such as one that
corresponds to two of ours, are prepared by the module of the model.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from flax import traverse_util

from mript_jax.convert.mript import TRANSPOSITIONS, refuse

Layout = Callable[[np.ndarray], np.ndarray]


def identity(value: np.ndarray) -> np.ndarray:
    return value


def kernel_to_ours(value: np.ndarray) -> np.ndarray:
    return value.transpose(TRANSPOSITIONS[value.ndim])


def kernel_to_theirs(value: np.ndarray) -> np.ndarray:
    return value.transpose(np.argsort(TRANSPOSITIONS[value.ndim]))


class Entry(NamedTuple):
    """Our name of a tensor, and the changes of layout in both directions."""

    ours: str
    to_ours: Layout = identity
    to_theirs: Layout = identity


Table = dict[str, Entry]
Shapes = Mapping[str, tuple[int, ...]]  # of a state dict's tensors, by name


def count(shapes: Shapes, pattern: str) -> int:
    """One more than the largest index that the group of `pattern` matches in the names."""
    found = {int(m[1]) for name in shapes if (m := re.match(pattern, name))}
    if not found:
        raise KeyError(pattern.replace("\\", "").replace("(d+)", "0"))
    return 1 + max(found)


def layer(theirs: str, ours: str, bias: bool = True) -> Table:
    """The entries of a dense layer or a convolution."""
    table = {f"{theirs}.weight": Entry(f"{ours}/kernel", kernel_to_ours, kernel_to_theirs)}
    return table | ({f"{theirs}.bias": Entry(f"{ours}/bias")} if bias else {})


def norm(theirs: str, ours: str) -> Table:
    return {
        f"{theirs}.weight": Entry(f"{ours}/norm/scale"),
        f"{theirs}.bias": Entry(f"{ours}/norm/bias"),
    }


def transformer_block(
    theirs: str, ours: str, qkv_bias: bool = True, attention: str = "attention"
) -> Table:
    """The entries of a pre-norm transformer block, whose names these public codes share."""
    return (
        norm(f"{theirs}.norm1", f"{ours}/norm_attention")
        | layer(f"{theirs}.attn.qkv", f"{ours}/{attention}/qkv", qkv_bias)
        | layer(f"{theirs}.attn.proj", f"{ours}/{attention}/proj")
        | norm(f"{theirs}.norm2", f"{ours}/norm_mlp")
        | layer(f"{theirs}.mlp.fc1", f"{ours}/mlp/dense_in")
        | layer(f"{theirs}.mlp.fc2", f"{ours}/mlp/dense_out")
    )


def read(
    state_dict: Mapping[str, np.ndarray], table: Table, shapes: Mapping[str, Any], unused: str
) -> tuple[dict[str, Any], list[str]]:
    """Return our parameters and the ignored names, each of which must match `unused`."""
    ignored = sorted(set(state_dict) - set(table))
    strange = [name for name in ignored if not re.search(unused, name)]
    refuse("has what this config has no place for:", strange)
    refuse("lacks", [name for name in table if name not in state_dict])
    params, wrong = {}, []
    for name, entry in table.items():
        value, shape = np.asarray(state_dict[name], np.float32), shapes[entry.ours]
        try:
            params[entry.ours] = entry.to_ours(value)
            fits = params[entry.ours].shape == shape
        except (ValueError, KeyError):
            fits = False
        if not fits:
            wrong.append(f"{name} is {value.shape}, which gives no {shape}")
    refuse("does not fit this config:", wrong)
    assert set(params) == set(shapes), set(params) ^ set(shapes)
    return traverse_util.unflatten_dict(params, sep="/"), ignored


def write(params: Mapping[str, Any], table: Table) -> dict[str, np.ndarray]:
    """Return the public state dict of our parameters."""
    flat = traverse_util.flatten_dict(params, sep="/")
    return {
        name: np.ascontiguousarray(entry.to_theirs(np.asarray(flat[entry.ours], np.float32)))
        for name, entry in table.items()
    }


def parameter_shapes(model: nn.Module, *inputs: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter of a model, for inputs of the given shapes."""
    arrays = [jax.ShapeDtypeStruct(shape, np.float32) for shape in inputs]
    params = jax.eval_shape(model.init, jax.random.key(0), *arrays)["params"]
    return {k: v.shape for k, v in traverse_util.flatten_dict(params, sep="/").items()}
