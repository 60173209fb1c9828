"""Windows, tables and attention layers against plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.models.attention import (
    Attention,
    RelativePositionAttention,
    merge_windows,
    partition_windows,
    resize_linear,
)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def softmax(scores):
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
def test_merge_windows_inverts_partition_windows(h, w, window):
    x = draw(2, h, w, 3)
    windows = np.asarray(jax.jit(partition_windows, static_argnums=1)(x, window))
    assert windows.shape == (2 * -(-h // window) * -(-w // window), window, window, 3)
    merged = jax.jit(merge_windows, static_argnums=1)(windows, (h, w))
    np.testing.assert_array_equal(merged, x)
    np.testing.assert_allclose(windows.sum(), x.sum(), atol=1e-4)  # padded with zeros


def test_windows_are_neighbourhoods_in_reading_order():
    x = np.arange(24, dtype=np.float32).reshape(1, 4, 6, 1)
    windows = partition_windows(x, 2)[..., 0]
    np.testing.assert_array_equal(windows[1], [[2, 3], [8, 9]])
    np.testing.assert_array_equal(windows[3], [[12, 13], [18, 19]])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 25))
def test_table_is_resized_between_half_pixel_centers(length, wanted):
    table = draw(length, 2)
    centers = (np.arange(length) + 0.5) / length
    where = (np.arange(wanted) + 0.5) / wanted
    expected = np.stack([np.interp(where, centers, column) for column in table.T], axis=-1)
    np.testing.assert_allclose(resize_linear(table, wanted), expected, atol=1e-5)


@pytest.mark.parametrize("grid", [(3, 5), (4, 4)])
def test_relative_position_attention_matches_a_plain_loop(grid):
    h, w = grid
    layer = RelativePositionAttention(heads=2, grid=(4, 4))
    x, D, d = draw(1, h, w, 6), 6, 3
    shapes = jax.eval_shape(layer.init, jax.random.key(0), x)["params"]
    params = jax.tree.map(lambda leaf: draw(*leaf.shape, seed=leaf.size), shapes)

    tables = [
        np.asarray(resize_linear(params[f"relative_{side}"], 2 * n - 1))
        for side, n in (("h", h), ("w", w))
    ]
    qkv = x.reshape(-1, D) @ params["qkv"]["kernel"] + params["qkv"]["bias"]
    q, k, v = qkv.reshape(h * w, 3, 2, d).transpose(1, 2, 0, 3)  # each [heads, N, d]
    result = np.empty((h * w, 2, d))
    for head in range(2):
        scores = q[head] @ k[head].T * d**-0.5
        for i in range(h * w):
            for j in range(h * w):
                down, right = i // w - j // w, i % w - j % w
                scores[i, j] += q[head, i] @ tables[0][down + h - 1]
                scores[i, j] += q[head, i] @ tables[1][right + w - 1]
        result[:, head] = softmax(scores) @ v[head]
    expected = result.reshape(-1, D) @ params["proj"]["kernel"] + params["proj"]["bias"]
    actual = jax.jit(layer.apply)({"params": params}, x)
    np.testing.assert_allclose(actual, expected.reshape(1, h, w, D), atol=1e-5)


def test_cross_attention_matches_the_formula():
    layer = Attention(heads=2, width=4)
    q, k, v = draw(1, 3, 6, seed=1), draw(1, 5, 6, seed=2), draw(1, 5, 6, seed=3)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), q, k, v)["params"]
    params = jax.tree.map(lambda leaf: draw(*leaf.shape, seed=leaf.size), shapes)

    def dense(name, x):
        return x @ params[name]["kernel"] + params[name]["bias"]

    q_, k_, v_ = dense("query", q[0]), dense("key", k[0]), dense("value", v[0])
    heads = [
        softmax(q_[:, part] @ k_[:, part].T / np.sqrt(2)) @ v_[:, part]
        for part in (slice(0, 2), slice(2, 4))
    ]
    expected = dense("out", np.concatenate(heads, axis=-1))
    actual = jax.jit(layer.apply)({"params": params}, q, k, v)
    np.testing.assert_allclose(actual[0], expected, atol=1e-5)


def test_scores_and_softmax_are_float32_in_half_precision():
    layer = RelativePositionAttention(heads=2, grid=(4, 4), dtype=jnp.bfloat16)
    x = draw(1, 4, 4, 8)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)
    program = str(jax.make_jaxpr(layer.apply)(params, x))
    exponentials = [line for line in program.splitlines() if "= exp " in line]
    assert exponentials and all("f32" in line for line in exponentials)
