"""One training step, for every model: (state, batch, learning rate) -> (state, metrics)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from mript_jax.batch import Batch
from mript_jax.lora import merge_adapters
from mript_jax.models.base import ReconstructionModel
from mript_jax.training.losses import Loss
from mript_jax.training.state import TrainState

Step = Callable[[TrainState, Batch, jax.typing.ArrayLike], tuple[TrainState, dict[str, jax.Array]]]


def make_step(
    model: ReconstructionModel,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    key: jax.Array,
    micro_batches: int = 1,
    ema_decay: float = 0.0,
    prepare: Callable = merge_adapters,
) -> Step:
    """Return a pure step; its random numbers come from `key`, folded with the step number.

    `optimizer` gives the updates of a learning rate of 1. `prepare` maps the parameters of the
    state to those of the model.
    """

    def total_loss(params, batch, rng):
        def apply(method):
            variables = {"params": prepare(params)}
            return model.apply(variables, batch, True, method=method, rngs=rng)

        return jnp.sum(batch["weight"] * loss(apply, batch))

    def gradients(params, batch, step_key):
        """Loss and gradient, summed over examples, micro-batch by micro-batch."""
        parts = jax.tree.map(lambda a: _cut(a, micro_batches), batch)

        def body(sums, numbered):
            number, part = numbered
            rng = {
                name: jax.random.fold_in(step_key, 2 * number + i)
                for i, name in enumerate(("dropout", "masking"))
            }
            value, gradient = jax.value_and_grad(total_loss)(params, part, rng)
            return jax.tree.map(jnp.add, sums, (value, gradient)), None

        zeros = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, params))
        if micro_batches == 1:
            return body(zeros, (0, jax.tree.map(lambda a: a[0], parts)))[0]
        return jax.lax.scan(body, zeros, (jnp.arange(micro_batches), parts))[0]

    def step(
        state: TrainState, batch: Batch, learning_rate: jax.typing.ArrayLike
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        value, gradient = gradients(state.params, batch, jax.random.fold_in(key, state.step))
        count = jnp.maximum(jnp.sum(batch["weight"]), 1.0)
        value, gradient = value / count, jax.tree.map(lambda g: g / count, gradient)
        norm = optax.tree.norm(gradient)
        finite = jnp.isfinite(value) & jnp.isfinite(norm)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(
            state.params, optax.tree.scale(jnp.float32(learning_rate), updates)
        )
        ema = jax.tree.map(
            lambda e, p: ema_decay * e + (1 - ema_decay) * p, state.ema, params if state.ema else {}
        )

        def if_finite(new, old):
            return jax.tree.map(lambda n, o: jnp.where(finite, n, o), new, old)

        new_state = TrainState(
            step=state.step + 1,
            params=if_finite(params, state.params),
            ema=if_finite(ema, state.ema),
            opt_state=if_finite(opt_state, state.opt_state),
            nonfinite=jnp.where(finite, 0, state.nonfinite + 1),
            skipped=state.skipped + jnp.where(finite, 0, 1),
        )
        metrics = {
            "loss": value,
            "gradient_norm": norm,
            "broken_examples": jnp.sum(1.0 - batch["weight"]),
            "nonfinite_in_a_row": new_state.nonfinite,
            "skipped_updates": new_state.skipped,
        }
        return new_state, metrics

    return step


def _cut(array: jax.Array, parts: int) -> jax.Array:
    """[B, ...] -> [parts, B / parts, ...], each part with examples of every device."""
    return jnp.swapaxes(array.reshape(-1, parts, *array.shape[1:]), 0, 1)
