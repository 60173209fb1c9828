"""The U-Net against the public one (in Lin and Heckel's wrapper)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.convert import from_torch, infer_config, unet
from mript_jax.models import build_model
from mript_jax.models.unet import ConvBlock
from tests.parity import Golden, assert_close, assert_gradients


@pytest.fixture
def case(golden):
    case = Golden(golden("reconnet_unet"))
    case.config = {
        "name": "unet",
        "features": case.config["chans"],
        "pools": case.config["num_pool_layers"],
        "dtype": "float32",
    }
    case.model = build_model(case.config)
    case.params, case.ignored = unet.from_torch(case.state_dict, case.config)
    return case


def test_images_of_odd_and_even_sizes_match_the_public_code(case):
    assert case.ignored == []
    for i in range(3):
        image = jax.jit(case.model.apply)({"params": case.params}, case[f"in/x{i}"])
        assert_close(image, case[f"out/y{i}"], 1e-5)


def test_loss_and_gradients_match_the_public_code(case):
    @jax.jit
    @jax.value_and_grad
    def loss(params):
        image = case.model.apply({"params": params}, case["in/x1"])
        return jnp.abs(image - case["in/target1"]).mean()

    value, gradient = loss(case.params)
    np.testing.assert_allclose(value, case["out/loss1"], rtol=1e-5)
    expected = {n.removeprefix("net."): g for n, g in case.group("grad").items()}
    assert_gradients(gradient, expected, unet.name_table(case.config))


def test_state_dict_survives_conversion_in_both_directions(case):
    back = unet.to_torch(case.params, case.config)
    assert {f"net.{name}" for name in back} == set(case.state_dict)  # theirs is in a wrapper
    for name, value in back.items():
        np.testing.assert_array_equal(value, case.state_dict[f"net.{name}"], name)


@pytest.mark.parametrize("prefix", ["", "unet.", "module.unet.", "net."])
def test_wrappers_of_the_public_code_are_taken_off(case, prefix):
    bare = {n.removeprefix("net."): value for n, value in case.state_dict.items()}
    wrapped = {prefix + name: value for name, value in bare.items()}
    config = infer_config(wrapped)
    assert config == case.config
    params, ignored = from_torch(wrapped | {"loss.w": np.ones((1, 1, 7, 7))}, config)
    assert ignored == ["loss.w"]
    jax.tree.map(np.testing.assert_array_equal, params, case.params)


def test_parameter_count_matches_fastmri():
    model = build_model({"name": "unet", "features": 32, "pools": 4, "dtype": "float32"})
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 64, 64, 1)))["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 7_756_097


def test_dropout_drops_whole_channels_in_training_only():
    image = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    block = ConvBlock(8, jnp.float32, 0.5)
    key = jax.random.key(0)
    params = jax.jit(block.init, static_argnums=2)(key, image, False)
    apply = jax.jit(block.apply, static_argnums=2)
    trained = np.asarray(apply(params, image, True, rngs={"dropout": key}))
    dropped = (trained == 0).all(axis=(0, 1, 2))
    assert dropped.any() and not dropped.all()
    assert (trained[..., ~dropped] != 0).all()
    assert (np.asarray(apply(params, image, False)) != 0).all()
