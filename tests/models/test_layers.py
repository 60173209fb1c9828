"""Layers against their formulas."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erf

from mript_jax.models.layers import (
    DropPath,
    LayerNorm,
    Mlp,
    PatchEmbed,
    PatchExpand,
    PositionEmbedding,
    exact_gelu,
)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_gelu_matches_the_error_function():
    x = np.linspace(-4, 4, 33, dtype=np.float32)
    np.testing.assert_allclose(exact_gelu(x), x * (1 + erf(x / np.sqrt(2))) / 2, atol=1e-6)


def test_gelu_gradient_matches_autodiff_in_each_dtype():
    x, weight = draw(64), draw(64, seed=1)
    for dtype, tolerance in ((jnp.float32, 1e-6), (jnp.bfloat16, 0.03)):
        ours = jax.jit(jax.grad(lambda x: jnp.sum(exact_gelu(x) * weight)))
        theirs = jax.jit(jax.grad(lambda x: jnp.sum(nn.gelu(x, approximate=False) * weight)))
        actual, expected = ours(x.astype(dtype)), theirs(x)
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual.astype(jnp.float32), expected, atol=tolerance)


def test_layer_norm_matches_the_formula_for_each_epsilon():
    x = 1e-3 * draw(2, 3, 3, 8)
    scale, bias = draw(8, seed=1), draw(8, seed=2)
    params = {"norm": {"scale": scale, "bias": bias}}
    for epsilon in (1e-5, 1e-6):
        centered = x - x.mean(-1, keepdims=True)
        expected = centered / np.sqrt(x.var(-1, keepdims=True) + epsilon) * scale + bias
        actual = jax.jit(LayerNorm(epsilon).apply)({"params": params}, x)
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-5)


def test_layer_norm_computes_in_float32_and_returns_its_dtype():
    x = (1000 + draw(4, 64)).astype(jnp.bfloat16)
    layer = LayerNorm(1e-6, jnp.bfloat16)
    params = {"norm": {"scale": np.ones(64, np.float32), "bias": np.zeros(64, np.float32)}}
    out = jax.jit(layer.apply)({"params": params}, x)
    assert out.dtype == jnp.bfloat16
    reference = jax.jit(LayerNorm(1e-6).apply)({"params": params}, x.astype(jnp.float32))
    np.testing.assert_allclose(out.astype(np.float32), reference, atol=0.02)


def test_patch_embedding_is_a_product_per_patch():
    x, kernel, bias = draw(1, 4, 6, 2), draw(2, 3, 2, 5), draw(5, seed=1)
    params = {"proj": {"kernel": kernel, "bias": bias}}
    tokens = jax.jit(PatchEmbed((2, 3), 5).apply)({"params": params}, x)
    expected = np.einsum("hwc,hwcd->d", x[0, 2:4, 3:6], kernel) + bias
    np.testing.assert_allclose(tokens[0, 1, 1], expected, atol=1e-5)


def test_position_embedding_is_added_unchanged_on_its_own_grid():
    x, table = draw(2, 3, 4, 5), draw(1, 3, 4, 5, seed=1)
    added = PositionEmbedding((3, 4)).apply({"params": {"table": table}}, x)
    np.testing.assert_allclose(added, x + table, atol=1e-6)


def test_position_embedding_is_interpolated_between_cell_centers_on_another_grid():
    x, table = np.zeros((1, 2, 4, 1), np.float32), np.array([0, 4], np.float32)
    params = {"table": table[None, None, :, None]}
    added = jax.jit(PositionEmbedding((1, 2)).apply)({"params": params}, x)
    np.testing.assert_allclose(added[0, ..., 0], [[0, 1, 3, 4]] * 2, atol=1e-6)


def test_mlp_keeps_the_width():
    shapes = jax.eval_shape(lambda: Mlp(7).init_with_output(jax.random.key(0), draw(2, 3)))
    assert shapes[0].shape == (2, 3)
    assert shapes[1]["params"]["dense_in"]["kernel"].shape == (3, 7)


def test_drop_path_drops_whole_samples_in_training_only():
    x = np.ones((64, 2, 2), np.float32)
    np.testing.assert_array_equal(DropPath(0.25).apply({}, x, False), x)
    out = np.asarray(DropPath(0.25).apply({}, x, True, rngs={"dropout": jax.random.key(0)}))
    kept = out[:, 0, 0] > 0
    np.testing.assert_allclose(out, kept[:, None, None] * x / 0.75, rtol=1e-6)
    assert 0.55 < kept.mean() < 0.95


def test_patch_expand_matches_flax_transposed_convolution_and_its_gradients():
    x, weight = draw(2, 3, 4, 5), draw(2, 6, 8, 2, seed=1)
    flax = nn.ConvTranspose(2, (2, 2), strides=(2, 2), transpose_kernel=True)
    ours = PatchExpand(2)
    params, own = (jax.jit(layer.init)(jax.random.key(0), x) for layer in (flax, ours))
    jax.tree.map(np.testing.assert_array_equal, own, params)

    def image_and_gradients(layer):
        def loss(params, x):
            image = layer.apply(params, x)
            return jnp.sum(image * weight), image

        (_, image), gradients = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(params, x)
        return image, gradients

    (image, gradients), (expected, theirs) = map(image_and_gradients, (ours, flax))
    np.testing.assert_allclose(image, expected, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), gradients, theirs)
