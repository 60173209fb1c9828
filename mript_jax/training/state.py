"""The training state: all arrays that a step changes."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax


@flax.struct.dataclass
class TrainState:
    """Weights, optimizer state and counters."""

    step: jax.Array  # updates so far, those skipped included
    params: Any
    ema: Any  # averaged params, or an empty tree
    opt_state: Any
    nonfinite: jax.Array  # updates skipped in a row
    skipped: jax.Array  # updates skipped in all


def create_state(
    params: Any, optimizer: optax.GradientTransformation, with_ema: bool
) -> TrainState:
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        ema=jax.tree.map(jnp.copy, params) if with_ema else {},
        opt_state=optimizer.init(params),
        nonfinite=jnp.zeros((), jnp.int32),
        skipped=jnp.zeros((), jnp.int32),
    )


def checkpoint_items(state: TrainState) -> dict[str, Any]:
    """The state as items of a checkpoint: weights apart from arrays that only training needs."""
    items = {
        "params": state.params,
        "training": {
            "step": state.step,
            "opt_state": state.opt_state,
            "nonfinite": state.nonfinite,
            "skipped": state.skipped,
        },
    }
    if state.ema:
        items["ema"] = state.ema
    return items


def from_checkpoint_items(items: dict[str, Any]) -> TrainState:
    return TrainState(params=items["params"], ema=items.get("ema", {}), **items["training"])
