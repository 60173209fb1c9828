"""MR-IPT as a whole: sizes, tasks, initial output, and options that must not change the result."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.models import build_model

TINY = {
    "name": "mript",
    "mode": "type",
    "image_size": 32,
    "patch_size": 4,
    "features": 4,
    "width": 16,
    "depth": 2,
    "heads": 2,
    "mlp_ratio": 2.0,
    "window": 3,
    "global_blocks": (),
    "decoder_depth": 1,
    "decoder_heads": 2,
    "decoder_mlp": 16,
    "decoder_downsample": 2,
    "num_patterns": 4,
    "num_levels": 5,
    "dtype": "float32",
}
PAPER = TINY | {
    "image_size": 224,
    "features": 64,
    "width": 1024,
    "depth": 24,
    "heads": 16,
    "mlp_ratio": 4.0,
    "window": 14,
    "global_blocks": (5, 11, 17, 23),
    "decoder_depth": 2,
    "decoder_heads": 8,
    "decoder_mlp": 2048,
    "decoder_downsample": 1,
}


SHAPE = (17, 30)  # one for all, so that a model is compiled once


def images(shape, batch=4, seed=0):
    return np.random.default_rng(seed).random((batch, *shape, 1), dtype=np.float32)


def tasks(batch=4):
    return np.arange(batch) % 4, np.arange(batch) % 5


def init(model, seed=0):
    make = jax.jit(lambda key: model.init(key, images((32, 32), 1), *tasks(1))["params"])
    return make(jax.random.key(seed))


@functools.cache
def jitted(model):
    return jax.jit(model.apply)


def apply(model, params, image):
    return jitted(model)({"params": params}, image, *tasks(len(image)))


@pytest.fixture(scope="module")
def model():
    return build_model(TINY)


@pytest.fixture(scope="module")
def params(model, random_params):
    return random_params(jax.eval_shape(lambda: init(model)))


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(
    ("mode", "head", "tail"),
    [
        pytest.param("type", 1_641_984, 2_308, marks=pytest.mark.slow),
        pytest.param("level", 2_052_480, 2_885, marks=pytest.mark.slow),
        ("split", 8_209_920, 11_540),
    ],
)
def test_parameter_counts_match_the_paper(mode, head, tail):
    params = jax.eval_shape(lambda: init(build_model(PAPER | {"mode": mode})))
    fixed = params["decoder"].pop("grid_encoding")
    assert count(fixed) == 256
    assert {name: count(part) for name, part in params.items()} == {
        "head": head,
        "encoder": 307_549_184,
        "prompt": 2_304,
        "decoder": 6_277_632 - 2_428_480,  # without layers that have no effect on the output
        "tail": tail,
    }


@pytest.fixture(scope="module")
def initial(model):
    return init(model)


def test_untrained_network_is_near_the_identity(model, initial):
    image = images(SHAPE)
    assert jnp.abs(apply(model, initial, image) - image).mean() < 0.3 * image.std()


@pytest.mark.slow
def test_untrained_network_with_a_deeper_decoder_is_near_the_identity():
    model, image = build_model(TINY | {"decoder_depth": 2}), images((32, 32))
    output = apply(model, init(model), image)
    assert jnp.abs(output - image).mean() < 0.3 * image.std()


@pytest.mark.parametrize("shape", [pytest.param((40, 56), marks=pytest.mark.slow), SHAPE])
def test_output_has_the_size_of_any_image(model, params, shape):
    output = apply(model, params, images(shape))
    assert output.shape == (4, *shape, 1)
    assert jnp.isfinite(output).all()


def test_output_is_the_same_with_numpy_parameters_as_constants(model, params):
    """A compiled function with NumPy arrays as constants, as in an exported model."""
    image = images(SHAPE)
    inside = jax.jit(lambda *task: model.apply({"params": params}, image, *task))
    np.testing.assert_allclose(inside(*tasks()), apply(model, params, image), atol=1e-5)


def test_sample_depends_on_its_own_head_only(random_params):
    model = build_model(TINY | {"mode": "split", "depth": 1})
    image, (pattern, level) = images(SHAPE, 2), tasks(2)
    params = random_params(jax.eval_shape(lambda: init(model)))
    own = np.arange(20) == 5 * pattern[1] + level[1]

    def image_where_twice(part, heads):
        changed = jax.tree.map(
            lambda leaf: (1 + heads.reshape(20, *[1] * (leaf.ndim - 1))) * leaf, params[part]
        )
        return apply(model, params | {part: changed}, image)[1]

    before = apply(model, params, image)[1]
    for part in ("head", "tail"):
        np.testing.assert_array_equal(image_where_twice(part, ~own), before)
        assert np.abs(image_where_twice(part, own) - before).max() > 1e-3


def loss_and_gradient(model, params):
    image = images((36, 28))

    @jax.jit
    @jax.value_and_grad
    def loss(params):
        return jnp.square(model.apply({"params": params}, image, *tasks())).mean()

    return loss(params)


@pytest.fixture(scope="module")
def expected(model, params):
    return loss_and_gradient(model, params)


@pytest.mark.parametrize(
    "options",
    [
        {"scan_blocks": False, "remat": "full", "attention": "chunked"},
        pytest.param({"scan_blocks": False}, marks=pytest.mark.slow),
        pytest.param({"remat": "dots"}, marks=pytest.mark.slow),
        pytest.param({"remat": "full", "attention": "chunked"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_output_and_gradient_do_not_depend_on_execution_options(params, expected, options):
    actual = loss_and_gradient(build_model(TINY | options), params)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5 * max(1.0, np.abs(b).max()))


def test_parameter_tree_does_not_depend_on_execution_options():
    def shapes(**options):
        params = jax.eval_shape(lambda: init(build_model(TINY | options)))
        return jax.tree.map(lambda leaf: leaf.shape, params)

    assert shapes() == shapes(scan_blocks=False, remat="full")


def test_bfloat16_output_is_near_float32_with_float32_parameters(model, params):
    image = images(SHAPE)
    half = build_model(TINY | {"dtype": "bfloat16"})
    fresh = jax.eval_shape(lambda: init(half))
    assert {leaf.dtype for leaf in jax.tree.leaves(fresh)} == {jnp.dtype("float32")}
    full, rounded = (apply(m, params, image) for m in (model, half))
    assert rounded.dtype == jnp.float32
    assert 0 < jnp.abs(full - rounded).max() < 0.05 * jnp.abs(full).max()


def test_bfloat16_does_not_round_the_image_on_its_way_through(model, initial):
    image, half = images(SHAPE), build_model(TINY | {"dtype": "bfloat16"})
    full, rounded = (apply(m, initial, image) for m in (model, half))  # which add little to it
    assert np.abs(full - image).max() > 0.01
    error = np.sqrt(np.mean(np.square(full - rounded)))
    assert 20 * np.log10(np.abs(full).max() / error) > 70  # 54 where the image was rounded


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("attention", "flash", "chunked"),
        ("remat", "ful", "did you mean 'full'"),
        ("mode", "splits", "did you mean 'split'"),
        ("widht", 3, "did you mean 'width'"),
    ],
)
def test_invalid_field_is_a_user_error(field, value, message):
    with pytest.raises(UserError, match=message):
        jax.eval_shape(lambda: init(build_model(TINY | {field: value})))
