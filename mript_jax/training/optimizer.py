"""The optimizer that `config.optimizer` (config/schema.py) describes, in optax.

The learning rate comes into each step as a number, so that a step is compiled once for all rates,
schedules and lengths of a run.
"""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict
from optax.contrib import MuonDimensionNumbers

from mript_jax.errors import UserError, unknown_name_error
from mript_jax.training.sharding import path_name

OPTIMIZERS = ("adam", "adamw", "muon")
SCHEDULES = ("constant", "cosine", "one_cycle")


def build_optimizer(
    config: ConfigDict, params: Any, fixed: tuple[str, ...] = ()
) -> optax.GradientTransformation:
    """Build the optimizer: clipping, weight decay, layer-wise rates, frozen parameters.

    Its updates are those of a learning rate of 1. `params` may be shapes only; `fixed` are patterns
    of parameters that a model never trains.
    """
    frozen = frozen_parameters(params, (*config.freeze, *fixed))
    steps = [_clip(config), _scale_by(config)]
    if config.weight_decay:
        # By name: biases of stacked blocks and heads have as many axes as other kernels.
        decayed = jax.tree_util.tree_map_with_path(
            lambda path, _: path_name(path).endswith("kernel"), params
        )
        steps.append(optax.add_decayed_weights(config.weight_decay, decayed))
    if config.layer_decay != 1.0:
        steps.append(_scale_by_depth(params, config.layer_decay))
    steps.append(optax.scale_by_learning_rate(lambda count: 1.0))  # counts, as checkpoints have it
    if config.dense_factor != 1.0:  # last, so that the others keep their places in checkpoints
        steps.append(_scale_dense(config.dense_factor))
    labels = jax.tree.map(lambda is_frozen: "frozen" if is_frozen else "trained", frozen)
    return optax.multi_transform(
        {"trained": optax.chain(*steps), "frozen": optax.set_to_zero()}, labels
    )


def _schedule(config: ConfigDict, total_steps: int) -> optax.Schedule:
    peak, warmup = config.learning_rate, config.warmup_steps
    rest = max(total_steps - warmup, 1)
    if config.schedule == "constant":
        after, start = optax.constant_schedule(peak), 0.0
    elif config.schedule == "cosine":
        after, start = optax.cosine_decay_schedule(peak, rest), 0.0
    elif config.schedule == "one_cycle":  # linear up, linear down, as in Lin and Heckel's code
        after, start = optax.linear_schedule(peak, peak / 25e4, rest), peak / 25
    else:
        raise unknown_name_error("schedule", config.schedule, SCHEDULES)
    if not warmup:
        return after
    return optax.join_schedules([optax.linear_schedule(start, peak, warmup), after], [warmup])


def learning_rates(config: ConfigDict, total_steps: int) -> np.ndarray:
    """The learning rate of each update of a run: [total_steps] float32."""
    rates = _schedule(config, total_steps)(jnp.arange(total_steps))
    return np.broadcast_to(np.asarray(rates, np.float32), total_steps)


def frozen_parameters(params: Any, patterns: tuple[str, ...]) -> Any:
    """A tree of booleans, True where the name matches a pattern; each pattern must match one."""
    names = [path_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    for pattern in patterns:
        if not any(re.search(pattern, name) for name in names):
            raise UserError(
                f"config.optimizer.freeze: {pattern!r} matches no parameter "
                f"(there is {names[0]}, ...)"
            )
    return jax.tree_util.tree_map_with_path(
        lambda path, _: any(re.search(p, path_name(path)) for p in patterns), params
    )


def clip_by_l1_norm(largest: float) -> optax.GradientTransformation:
    """Scale the gradient so that the sum of its absolute values is at most `largest`."""

    def clipped(updates, params):
        norm = sum(jnp.sum(jnp.abs(leaf)) for leaf in jax.tree.leaves(updates))
        factor = jnp.minimum(1.0, largest / (norm + 1e-6))
        return jax.tree.map(lambda leaf: leaf * factor, updates)

    return optax.stateless(clipped)


def _clip(config: ConfigDict) -> optax.GradientTransformation:
    if config.clip_l1:
        return clip_by_l1_norm(config.clip_l1)
    if config.clip_l2:
        return optax.clip_by_global_norm(config.clip_l2)
    return optax.identity()


def _scale_by(config: ConfigDict) -> optax.GradientTransformation:
    if config.name not in OPTIMIZERS:
        raise unknown_name_error("optimizer", config.name, OPTIMIZERS)
    if config.name == "adam" and config.weight_decay:
        raise UserError("config.optimizer.weight_decay needs config.optimizer.name='adamw'")
    if config.name == "muon":
        # A rate of -1 cancels the sign of Optax's Muon, which the schedule applies again. With
        # updates of this RMS Muon and Adam can use the same learning rate.
        return optax.contrib.muon(
            -1.0,
            adam_b1=config.b1,
            adam_b2=config.b2,
            muon_weight_dimension_numbers=_matrices,
            consistent_rms=0.2,
        )
    return optax.scale_by_adam(b1=config.b1, b2=config.b2)


def _matrices(params: Any) -> Any:
    """Matrix axes (rows, columns) of kernels of dense layers and convolutions; None for others.

    Muon is applied to these matrices, Adam to all others: norms, biases, tables, and the kernels of
    heads and tails, which are many small ones.
    """

    def axes(path: tuple, leaf: jax.Array) -> MuonDimensionNumbers | None:
        own = _kernel_axes(path, leaf)
        if own not in (2, 4):
            return None
        return MuonDimensionNumbers(tuple(range(leaf.ndim - own, leaf.ndim - 1)), leaf.ndim - 1)

    return jax.tree_util.tree_map_with_path(axes, params)


def _kernel_axes(path: tuple, leaf: jax.Array) -> int:
    """Axes of one layer's kernel: 2 of a dense layer, 4 of a convolution; 0 of what is none."""
    name = path_name(path)
    stacked = ("cascades/" in name) + ("groups/" in name)
    return leaf.ndim - stacked if name.endswith("kernel") else 0


def _scale_dense(factor: float) -> optax.GradientTransformation:
    def scaled(path: tuple, leaf: jax.Array) -> jax.Array:
        return leaf * factor if _kernel_axes(path, leaf) == 2 else leaf

    return optax.stateless(
        lambda updates, params: jax.tree_util.tree_map_with_path(scaled, updates)
    )


def _scale_by_depth(params: Any, decay: float) -> optax.GradientTransformation:
    """Layer-wise rates of the encoder: block k of n has decay^(n - 1 - k).

    Blocks are identified by the numbers in parameter names. Block j of a stacked group has blocks
    j, j + n, j + 2 n, ... along its leading axis, where n is the length of the group. Layers before
    the blocks have the rate of the first block, all other layers rate 1.
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    in_group = [_block(path_name(path)) for path, _ in leaves if "groups" in path_name(path)]
    length = 1 + max(in_group, default=0)

    def numbers(name, leaf):
        if "groups" not in name:
            return _block(name)
        return (_block(name) + length * np.arange(leaf.shape[0])).reshape(
            -1, *[1] * (leaf.ndim - 1)
        )

    depth = 1 + max(
        (int(np.max(numbers(path_name(path), leaf))) for path, leaf in leaves), default=0
    )

    def factor(name, leaf):
        if re.search(r"(patch_embed|position)", name):
            return decay ** (depth - 1)
        return decay ** (depth - 1.0 - numbers(name, leaf)) if _block(name) >= 0 else 1.0

    factors = {path_name(path): factor(path_name(path), leaf) for path, leaf in leaves}

    def scaled(path, leaf):  # by name, since frozen parameters are missing from the updates
        return leaf * jnp.asarray(factors[path_name(path)], leaf.dtype)

    return optax.stateless(
        lambda updates, params: jax.tree_util.tree_map_with_path(scaled, updates)
    )


def _block(name: str) -> int:
    found = re.search(r"block_?(\d+)", name)
    return int(found.group(1)) if found else -1
