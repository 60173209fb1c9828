"""Low-rank adapters: fine-tuning with few trained numbers.

They are on the attention layers; in a network without attention on the convolutions and dense
layers of its regularizer, tap by tap.

A model's parameters become {"base": ..., "lora": ...}: the base stays, and each adapted kernel W
is used as W + A B. Merged, they are ordinary parameters again.
"""

import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import traverse_util

from mript_jax.errors import UserError

ATTENTION = r"(?<!patch_embed)/(qkv|proj|query|key|value|out)/kernel$"
REGULARIZER = r"(^|/)network/.*/?(?<!dense)/kernel$"  # dense: the modulation by the task


def add_adapters(params: Mapping[str, Any], rank: int, key: jax.Array) -> dict[str, Any]:
    """Adapters for each adapted kernel [..., in, out]; B is zero: nothing changes yet."""
    flat = traverse_util.flatten_dict(params, sep="/")
    attends = any(re.search(r"/(qkv|query)/kernel$", name) for name in flat)
    adapted, adapters = ATTENTION if attends else REGULARIZER, {}
    for number, (name, kernel) in enumerate(sorted(flat.items())):
        if not re.search(adapted, name) or kernel.ndim < 2:
            continue
        *stacked, inputs, outputs = kernel.shape
        down = jax.random.normal(jax.random.fold_in(key, number), (*stacked, inputs, rank))
        adapters[f"{name}/down"] = down / inputs**0.5
        adapters[f"{name}/up"] = jnp.zeros((*stacked, rank, outputs))
    if not adapters:
        raise UserError("config.optimizer.lora_rank: this model has no layers to adapt")
    return {"base": params, "lora": traverse_util.unflatten_dict(adapters, sep="/")}


def merge_adapters(params: Mapping[str, Any]) -> dict[str, Any]:
    """Ordinary parameters; those without adapters come back as they are."""
    if set(params) != {"base", "lora"}:
        return dict(params)
    flat = traverse_util.flatten_dict(params["base"], sep="/")
    adapters = traverse_util.flatten_dict(params["lora"], sep="/")
    for name in flat:
        if f"{name}/down" in adapters:
            flat[name] = flat[name] + adapters[f"{name}/down"] @ adapters[f"{name}/up"]
    return traverse_util.unflatten_dict(flat, sep="/")
