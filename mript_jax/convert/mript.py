"""Conversion of state dicts of the public MR-IPT (GuoyaoShen/MR-IPT), in both directions."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from mript_jax.convert.names import MODEL, UNUSED, Place, name_table
from mript_jax.errors import UserError
from mript_jax.models import build_model

StateDict = Mapping[str, np.ndarray]

# Axes of PyTorch's layout of a kernel, (out, in, ...), in ours, (..., in, out). A transposed
# convolution is (in, out, kh, kw) there and (kh, kw, out, in) here: the same transposition.
TRANSPOSITIONS = {2: (1, 0), 4: (2, 3, 1, 0)}


def from_torch(
    state_dict: StateDict, config: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return our parameters of `config.model`, and the names that were ignored."""
    state_dict = {name.removeprefix("module."): value for name, value in state_dict.items()}
    shapes, places = parameter_shapes(config), name_table(config)
    ignored = sorted(set(state_dict) - set(places))
    strange = [name for name in ignored if MODEL.match(name) and not UNUSED.match(name)]
    refuse("has what this config has no place for:", strange)
    refuse("lacks", [name for name in places if name not in state_dict])

    params, wrong = {}, []
    for name, place in places.items():
        value = to_ours(np.asarray(state_dict[name], np.float32), place)
        shape = shapes[place.name] if place.row is None else shapes[place.name][1:]
        if value.shape != shape:
            wrong.append(f"{name} is {np.shape(state_dict[name])}, which gives no {shape}")
        elif place.row is None:
            params[place.name] = value
        else:
            params.setdefault(place.name, np.empty(shapes[place.name], np.float32))
            params[place.name][place.row] = value
    refuse("does not fit this config:", wrong)
    assert set(params) == set(shapes), set(params) ^ set(shapes)
    return traverse_util.unflatten_dict(params, sep="/"), ignored


def to_torch(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return a state dict that the public code loads; tensors without effect are filled in."""
    if config["patch_size"] != 4:
        raise UserError(
            f"the public code's decoder is made for patch_size 4, not {config['patch_size']}"
        )
    flat = traverse_util.flatten_dict(params, sep="/")
    state_dict = {}
    for name, place in name_table(config).items():
        value = np.asarray(flat[place.name], np.float32)
        state_dict[name] = to_theirs(value if place.row is None else value[place.row], place)
    return state_dict | _unused(config)


def parameter_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of each of our parameters, by name."""
    model = build_model(config)
    image = jax.ShapeDtypeStruct((1, model.patch_size, model.patch_size, 1), np.float32)
    index = jax.ShapeDtypeStruct((1,), np.int32)
    tasks = {"pattern_index": index, "level_index": index}
    params = jax.eval_shape(model.init, jax.random.key(0), image, **tasks)["params"]
    return {k: v.shape for k, v in traverse_util.flatten_dict(params, sep="/").items()}


def initial_parameters(config: Mapping[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Newly initialized parameters, by name; writable."""
    model = build_model(config)
    image, index = jnp.zeros((1, model.patch_size, model.patch_size, 1)), jnp.zeros(1, int)
    params = jax.jit(model.init)(jax.random.key(seed), image, index, index)["params"]
    return {k: np.array(v) for k, v in traverse_util.flatten_dict(params, sep="/").items()}


def to_ours(value: np.ndarray, place: Place) -> np.ndarray:
    """Return a tensor in our layout; one with an unexpected number of axes is not changed."""
    if place.name.endswith("/kernel") and value.ndim in TRANSPOSITIONS:
        return value.transpose(TRANSPOSITIONS[value.ndim])
    if place.name.startswith("prompt/"):  # theirs: an embedding [1, C] for each row
        return value.reshape(-1)
    return value


def to_theirs(value: np.ndarray, place: Place) -> np.ndarray:
    """Invert `to_ours`."""
    if place.name.endswith("/kernel"):
        return np.ascontiguousarray(value.transpose(np.argsort(TRANSPOSITIONS[value.ndim])))
    if place.name.startswith("prompt/"):
        return value.reshape(1, -1)
    return value


def refuse(reason: str, problems: list[str]) -> None:
    """Raise a UserError that lists the problems, if there are any."""
    if problems:
        more = f" and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise UserError(f"the state dict {reason} {', '.join(problems[:8])}{more}")


def _unused(config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Tensors of the public code without effect on its output: zeros, and ones for scales."""
    C, F = config["features"] * 4, config["features"]
    inner, tokens = C // config["decoder_downsample"], 4 * C
    attention = "image_decoder.transformer.final_attn_token_to_image"
    norm = "image_decoder.transformer.norm_final_attn"
    mlp = "image_decoder.output_hypernetworks_mlp.layers"
    dense = {
        **{f"{attention}.{name}_proj": (inner, C) for name in "qkv"},
        f"{attention}.out_proj": (C, inner),
        **{f"{mlp}.{i}": (tokens, tokens) for i in (0, 1)},
        f"{mlp}.2": (F, tokens),
    }
    tensors = {f"{norm}.weight": np.ones(C, np.float32), f"{norm}.bias": np.zeros(C, np.float32)}
    for name, shape in dense.items():
        tensors[f"{name}.weight"] = np.zeros(shape, np.float32)
        tensors[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    return tensors
