"""The ViT reconstructor against the public code, and properties that its paper states.

The golden files were made with PyTorch in float32; its own rounding is at most 2e-6.
"""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.convert import recon_vit
from mript_jax.models import build_model
from tests.parity import Golden, assert_close, assert_gradients, intermediates

FILES = ("reconnet_vit", "reconnet_vit_gpsa", "reconnet_vit_rectpatch")
TINY = {
    "name": "recon_vit",
    "image_size": 20,
    "patch_size": 4,
    "width": 16,
    "depth": 2,
    "heads": 4,
    "mlp_ratio": 2.0,
    "dtype": "float32",
}


@pytest.fixture(params=FILES)
def case(request, golden):
    case = Golden(golden(request.param))
    theirs = case.config
    case.config = {
        "name": "recon_vit",
        "image_size": theirs["avrg_img_size"],
        "patch_size": theirs["patch_size"],
        "width": theirs["embed_dim"] * theirs["num_heads"],
        "depth": theirs["depth"],
        "heads": theirs["num_heads"],
        "mlp_ratio": theirs["mlp_ratio"],
        "dtype": "float32",
        "qkv_bias": theirs["qkv_bias"],
        "gpsa": theirs["gpsa_interval"],
    }
    case.model = build_model(case.config)
    case.params, case.ignored = recon_vit.from_torch(case.state_dict, case.config)
    return case


def draw(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def started(config, image, random_params=None):
    """A model as a compiled function of (params, image); its initial parameters or random ones."""
    model, key = build_model(config), jax.random.key(0)
    if random_params:  # quicker
        return jax.jit(model.apply), random_params(jax.eval_shape(model.init, key, image))
    return jax.jit(model.apply), jax.jit(model.init)(key, image)


FAST = (("reconnet_vit", 0), ("reconnet_vit_gpsa", 2), ("reconnet_vit_rectpatch", 2))


@pytest.mark.parametrize(
    ("case", "size"),  # padded on one side, on both, cropped grids, larger ones
    [
        pair if pair in FAST else pytest.param(*pair, marks=pytest.mark.slow)
        for pair in itertools.product(FILES, range(4))
    ],
    indirect=["case"],
)
def test_images_and_features_match_the_public_code_for_every_size(case, size):
    assert case.ignored == []
    outputs = intermediates(case.model, case.params, case[f"in/x{size}"])
    assert_close(outputs["__call__"], case[f"out/y{size}"], 1e-5)
    features = case[f"out/features{size}"]
    assert_close(outputs["norm"][:1].reshape(features.shape), features, 1e-5)


@pytest.mark.parametrize(
    "case",  # with gated attention and without; rectangular patches change the embedding alone
    [
        name if name == "reconnet_vit_gpsa" else pytest.param(name, marks=pytest.mark.slow)
        for name in FILES
    ],
    indirect=True,
)
def test_loss_and_gradients_match_the_public_code(case):
    @jax.jit
    @jax.value_and_grad
    def loss(params):
        image = case.model.apply({"params": params}, case["in/x1"])
        return jnp.abs(image - case["in/target1"]).mean()

    value, gradient = loss(case.params)
    np.testing.assert_allclose(value, case["out/loss1"], rtol=1e-5)
    assert_gradients(gradient, case.group("grad"), recon_vit.name_table(case.config))


def test_state_dict_survives_conversion_in_both_directions(case):
    back = recon_vit.to_torch(case.params, case.config)
    assert set(back) == set(case.state_dict)
    for name, value in case.state_dict.items():
        np.testing.assert_array_equal(back[name], value, name)


def test_parameter_count_matches_the_paper():
    model = build_model(
        TINY | {"image_size": 340, "patch_size": 10, "width": 704, "depth": 10}
        | {"heads": 16, "mlp_ratio": 4.0}
    )  # fmt: skip
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 10, 10, 1)))["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 60_501_156


@pytest.mark.parametrize("gpsa", [pytest.param((-1, -1), marks=pytest.mark.slow), (1, 1)])
def test_output_is_equivariant_to_brightness_and_contrast(gpsa, random_params):
    image = draw(2, 20, 24, 1)
    apply, params = started(TINY | {"gpsa": gpsa}, image, random_params)
    output = apply(params, image)
    assert_close(apply(params, 3e-4 * image), 3e-4 * output)
    assert_close(apply(params, image + 5.0), output + 5.0)


def test_empty_image_has_finite_output_and_gradient():
    image = np.zeros((1, 20, 20, 1), np.float32)
    apply, params = started(TINY | {"depth": 1}, image)
    gradient = jax.grad(lambda p: apply(p, image).sum())(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert np.abs(apply(params, image)).max() < 1e-6


def test_initial_gated_heads_attend_to_neighbours():
    """Nine heads: the largest positional weight of head i + 3 j is at offset (j - 1, i - 1)."""
    config = TINY | {"depth": 1, "width": 18, "heads": 9, "gpsa": (1, 1), "locality": 3.0}
    params = started(config, draw(1, 20, 20, 1))[1]["params"]
    dx, dy = np.meshgrid(np.arange(-2, 3), np.arange(-2, 3))
    offsets = np.stack([dx, dy, dx**2 + dy**2], axis=-1)
    attention = params["block_0"]["attention"]
    scores = (offsets @ attention["locality"]["kernel"]).reshape(25, 9)
    best = scores.argmax(axis=0)
    np.testing.assert_array_equal(dx.ravel()[best], np.repeat([-1, 0, 1], 3))
    np.testing.assert_array_equal(dy.ravel()[best], np.tile([-1, 0, 1], 3))
    np.testing.assert_array_equal(attention["value"]["kernel"], np.eye(18))


def test_dropout_and_drop_path_act_in_training_only(random_params):
    image, config = draw(4, 20, 20, 1), TINY | {"dropout": 0.2, "drop_path": 0.5}
    apply, params = started(config, image, random_params)
    without = jax.jit(build_model(TINY).apply)
    train = jax.jit(partial(build_model(config).apply, train=True))
    first, second = (train(params, image, rngs={"dropout": jax.random.key(i)}) for i in range(2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(apply(params, image), without(params, image))


def test_bfloat16_output_is_near_float32_and_returned_as_float32(random_params):
    image, config = draw(1, 20, 20, 1), TINY | {"gpsa": (1, 1)}
    apply, params = started(config, image, random_params)
    half = jax.jit(build_model(config | {"dtype": "bfloat16"}).apply)(params, image)
    assert half.dtype == jnp.float32
    assert_close(half, apply(params, image), 0.05)
