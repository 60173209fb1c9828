import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.config import base_config
from mript_jax.errors import UserError
from mript_jax.training.optimizer import build_optimizer, clip_by_l1_norm, learning_rates


@pytest.fixture
def params():
    return {
        "block_0": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)},
        "block_1": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)},
        "tail": {"kernel": jnp.ones((2, 2))},
    }


def optimizer_config(**values):
    config = base_config().optimizer
    config.update(values)
    return config


def updates_of(config, params):
    optimizer = build_optimizer(config, params)
    gradients = jax.tree.map(jnp.ones_like, params)
    update = jax.jit(lambda params: optimizer.update(gradients, optimizer.init(params), params)[0])
    return update(params)


def test_frozen_parameters_do_not_change(params):
    updates = updates_of(optimizer_config(freeze=("block_0",)), params)
    assert not np.any(updates["block_0"]["kernel"])
    assert np.all(updates["block_1"]["kernel"] != 0)


def test_freeze_pattern_without_a_match_is_a_user_error(params):
    with pytest.raises(UserError, match="blok"):
        updates_of(optimizer_config(freeze=("blok",)), params)


def test_layer_decay_lowers_the_rate_of_early_blocks(params):
    updates = updates_of(optimizer_config(layer_decay=0.5), params)
    early, late = updates["block_0"]["kernel"][0, 0], updates["block_1"]["kernel"][0, 0]
    assert float(early / late) == pytest.approx(0.5)
    assert float(late) == pytest.approx(float(updates["tail"]["kernel"][0, 0]))


def test_layer_decay_counts_along_the_axis_of_stacked_blocks():
    block = {"kernel": jnp.ones((3, 2, 2))}  # blocks 0, 2, 4 and 1, 3, 5
    params = {
        "encoder": {"groups": {"block_0": block, "block_1": block}},
        "tail": {"w": jnp.ones(1)},
    }
    updates = updates_of(optimizer_config(layer_decay=0.5), params)
    groups, rate = updates["encoder"]["groups"], float(updates["tail"]["w"][0])
    rates = [float(groups[f"block_{i % 2}"]["kernel"][i // 2, 0, 0]) / rate for i in range(6)]
    np.testing.assert_allclose(rates, [0.5**n for n in (5, 4, 3, 2, 1, 0)], rtol=1e-5)


def test_weight_decay_does_not_apply_to_biases_of_stacked_blocks():
    params = {"groups": {"block_0": {"kernel": jnp.ones((2, 3, 3)), "bias": jnp.ones((2, 3))}}}
    plain = updates_of(optimizer_config(name="adamw"), params)["groups"]["block_0"]
    decayed = updates_of(optimizer_config(name="adamw", weight_decay=0.1), params)
    decayed = decayed["groups"]["block_0"]
    assert float(decayed["kernel"][0, 0, 0]) < float(plain["kernel"][0, 0, 0])
    np.testing.assert_array_equal(decayed["bias"], plain["bias"])


def test_weight_decay_applies_to_kernels_and_not_to_biases(params):
    plain = updates_of(optimizer_config(name="adamw"), params)["tail"], params["tail"]
    with_decay = updates_of(optimizer_config(name="adamw", weight_decay=0.1), params)
    assert float(with_decay["tail"]["kernel"][0, 0]) < float(plain[0]["kernel"][0, 0])
    assert float(with_decay["block_0"]["bias"][0]) == pytest.approx(-1.0, rel=1e-3)


def test_weight_decay_without_adamw_is_a_user_error(params):
    with pytest.raises(UserError, match="adamw"):
        updates_of(optimizer_config(weight_decay=0.1), params)


def test_l1_clipping_bounds_the_sum_of_absolute_values(params):
    clipped, _ = clip_by_l1_norm(1.0).update(params, None)
    assert sum(float(jnp.abs(x).sum()) for x in jax.tree.leaves(clipped)) == pytest.approx(1.0)
    small = jax.tree.map(lambda x: 1e-3 * x, params)
    np.testing.assert_allclose(
        clip_by_l1_norm(1.0).update(small, None)[0]["tail"]["kernel"], 1e-3, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("schedule", "start", "end"),
    [
        ("constant", 0, 1e-3),
        ("cosine", 0, 1e-3 * (1 + np.cos(np.pi * 89 / 90)) / 2),  # of 90 steps the last
        ("one_cycle", 4e-5, 1e-3 * (1 / 90 + 89 / 90 / 25e4)),
    ],
)
def test_schedule_has_its_start_peak_and_end(schedule, start, end):
    config = optimizer_config(schedule=schedule, warmup_steps=10, learning_rate=1e-3)
    rates = learning_rates(config, 100)
    assert rates.shape == (100,) and rates.dtype == np.float32
    assert rates[0] == pytest.approx(start, rel=1e-5)
    assert rates[10] == pytest.approx(1e-3)
    assert rates[99] == pytest.approx(end, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_schedule_without_warmup_begins_at_its_peak(schedule):
    config = optimizer_config(schedule=schedule, warmup_steps=0, learning_rate=1e-3)
    rates = learning_rates(config, 7)
    assert rates.shape == (7,) and rates[0] == pytest.approx(1e-3)


def test_unknown_names_are_user_errors(params):
    with pytest.raises(UserError, match="unknown optimizer"):
        updates_of(optimizer_config(name="nothing-like-it"), params)
    with pytest.raises(UserError, match="unknown schedule"):
        learning_rates(optimizer_config(schedule="nothing-like-it"), 100)


def test_muon_orthogonalizes_updates_of_matrices_and_is_adam_for_others():
    kernel = jax.random.normal(jax.random.key(0), (2, 12, 8))  # two stacked matrices
    params = {"groups": {"dense": {"kernel": kernel, "bias": jnp.ones((2, 8))}}}
    config = optimizer_config(name="muon")
    optimizer = build_optimizer(config, params)
    updates = optimizer.update(params, optimizer.init(params), params)[0]["groups"]["dense"]
    for update, gradient in zip(updates["kernel"], kernel, strict=True):
        sizes = np.linalg.svd(update, compute_uv=False)
        assert sizes.max() < 2 * sizes.min()
        assert np.sum(update * gradient) < 0
    np.testing.assert_allclose(updates["bias"], updates["bias"][0, 0], rtol=1e-5)
    assert -2 < updates["bias"][0, 0] < -0.5  # whatever the gradient


def test_dense_factor_is_that_of_the_updates_of_dense_layers_alone():
    params = {
        "conv": {"kernel": jnp.ones((3, 3, 2, 4)), "bias": jnp.ones(4)},
        "dense": {"kernel": jnp.ones((2, 4)), "bias": jnp.ones(4)},
        "cascades": {
            "conv": {"kernel": jnp.ones((2, 3, 3, 2, 4))},
            "dense": {"kernel": jnp.ones((2, 4, 4))},
        },
    }
    whole = updates_of(optimizer_config(name="muon"), params)
    halved = updates_of(optimizer_config(name="muon", dense_factor=0.5), params)
    for expected in (whole["dense"], whole["cascades"]["dense"]):
        expected["kernel"] *= 0.5
    jax.tree.map(np.testing.assert_allclose, halved, whole)
