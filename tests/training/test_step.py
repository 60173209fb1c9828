"""Loss and gradient of one step: independent of the mesh and of micro-batches."""

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

from mript_jax.batch import empty_example, stack
from mript_jax.config import load_config_file
from mript_jax.models import build_model
from mript_jax.training.losses import build_loss
from mript_jax.training.sharding import batch_sharding, build_mesh, gather, state_shardings
from mript_jax.training.state import create_state
from mript_jax.training.step import make_step

SIZES = {"data.image_size": 32, "model.patch_size": 4, "model.width": 16, "model.depth": 1}
SIZES |= {"model.heads": 2, "model.iterations": 0}
MRIPT = {
    "model.features": 4,
    "model.window": 4,
    "model.global_blocks": (),
    "model.decoder_depth": 1,
    "model.decoder_heads": 2,
    "model.decoder_mlp": 16,
}
CONFIGS = {"recon_vit": SIZES, "mript_tiny": SIZES | MRIPT}


@pytest.fixture(
    scope="module", params=["recon_vit", pytest.param("mript_tiny", marks=pytest.mark.slow)]
)
def parts(request):
    """A small model, its weights, and 8 examples of several tasks, one of weight 0."""
    config = load_config_file(request.param).unlock()
    config.update_from_flattened_dict(CONFIGS[request.param])
    model, rng = build_model(config.model), np.random.default_rng(0)
    batch = stack([empty_example((32, 32))] * 8)
    batch |= {
        "zero_filled": rng.random((8, 32, 32, 1), np.float32),
        "target": rng.random((8, 32, 32, 1), np.float32),
        "pattern_index": np.arange(8, dtype=np.int32) % 4,
        "level_index": np.arange(8, dtype=np.int32) % 5,
        "weight": np.float32([1, 1, 1, 0, 1, 1, 1, 1]),
    }
    key = {"params": jax.random.key(0)}
    params = jax.jit(lambda: model.init(key, batch, method="predict")["params"])()
    return model, params, batch


def loss_and_gradient(parts, mesh, micro_batches=1):
    """Of one step on a mesh; with gradient descent of rate 1 the weights change by the gradient."""
    model, params, batch = parts
    optimizer = optax.sgd(1.0)
    state = create_state(params, optimizer, with_ema=False)
    shardings = state_shardings(mesh, state)
    step = make_step(
        model,
        build_loss("l1"),
        optimizer,
        jax.random.key(1),
        micro_batches,
        prepare=lambda params: gather(params, shardings.params),
    )
    state, batch = jax.device_put((state, batch), (shardings, batch_sharding(mesh)))
    new, metrics = jax.jit(step)(state, batch, 1.0)
    gradient = jax.tree.map(lambda old, new: np.asarray(old) - new, params, new.params)
    return float(metrics["loss"]), gradient


@pytest.fixture(scope="module")
def on_one_device(parts):
    return loss_and_gradient(parts, build_mesh("data:1", jax.devices()[:1]))


@pytest.mark.parametrize(
    ("mesh", "micro_batches"),
    [
        pytest.param("data:2", 1, marks=pytest.mark.slow),
        pytest.param("fsdp:2,model:2", 2, marks=pytest.mark.slow),
        ("data:2,fsdp:2,model:2", 1),
    ],
)
def test_step_gradient_is_mesh_invariant(parts, on_one_device, mesh, micro_batches):
    count = np.prod([int(axis.split(":")[1]) for axis in mesh.split(",")])
    mesh = build_mesh(mesh, jax.devices()[:count])
    loss, gradient = loss_and_gradient(parts, mesh, micro_batches)
    assert loss == pytest.approx(on_one_device[0], rel=1e-6)
    largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(on_one_device[1]))
    assert largest > 1e-3
    for a, b in zip(*map(jax.tree.leaves, (gradient, on_one_device[1])), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * largest)


class Gain(nn.Module):
    """The smallest model: one factor."""

    @nn.compact
    def predict(self, batch, train=False):
        return self.param("gain", nn.initializers.ones, ()) * batch["zero_filled"]


def test_nonfinite_update_is_skipped_and_counted(parts):
    *_, batch = parts
    optimizer = optax.adam(1e-3)
    step = jax.jit(make_step(Gain(), build_loss("l2"), optimizer, jax.random.key(1), 1, 0.9))
    nonfinite = batch | {"target": np.where(np.arange(8)[:, None, None, None] == 2, np.nan, 1.0)}
    state, _ = step(create_state({"gain": np.float32(1)}, optimizer, with_ema=True), batch, 1.0)
    for number in (1, 2):
        kept, metrics = step(state, nonfinite, 1.0)
        before, after = ((s.params, s.ema, s.opt_state) for s in (state, kept))
        jax.tree.map(np.testing.assert_array_equal, before, after)
        assert int(kept.step) == int(state.step) + 1
        assert int(metrics["skipped_updates"]) == int(metrics["nonfinite_in_a_row"]) == number
        state = kept
    after, metrics = step(state, batch, 1.0)
    assert int(metrics["skipped_updates"]) == 2 and int(metrics["nonfinite_in_a_row"]) == 0
    average = 0.9 * state.ema["gain"] + 0.1 * after.params["gain"]
    np.testing.assert_allclose(after.ema["gain"], average, rtol=1e-6)
    assert after.params["gain"] != state.params["gain"]
