"""The forms of biased attention: equal to rounding, and their memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.models.biased_attention import FORMS, SMALL_GRID, biased_attention

NAMES = ("q", "k", "v", "rows", "columns")


def draw(h, w, batch=2, heads=3, d=5, dtype=np.float32):
    generator = np.random.default_rng(h * w)
    sizes = (d, d, d, h, w)
    return [jnp.asarray(generator.standard_normal((batch, h * w, heads, n)), dtype) for n in sizes]


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"explicit"}))
@pytest.mark.parametrize("grid", [(6, 4), (5, 7), (1, 3), (53, 6)])
def test_every_form_matches_the_explicit_one(form, grid, monkeypatch):
    monkeypatch.setattr("mript_jax.models.biased_attention.CHUNK", 16)
    monkeypatch.setattr("mript_jax.models.blockwise_attention.BLOCK", 600)
    arguments = draw(*grid)
    weight = jnp.cos(jnp.arange(arguments[0].size)).reshape(arguments[0].shape)

    def value_and_gradients(form):
        def total(*arguments):
            out = biased_attention(*arguments, form)
            return jnp.sum(out * weight), out

        return jax.jit(jax.value_and_grad(total, range(5), has_aux=True))(*arguments)

    (_, out), gradients = value_and_gradients(form)
    (_, expected), expected_gradients = value_and_gradients("explicit")
    np.testing.assert_allclose(out, expected, atol=2e-6)
    for name, a, b in zip(NAMES, gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * max(1.0, np.abs(b).max()), err_msg=name)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_bfloat16_stays_near_float32(form):
    full = draw(8, 8, d=16)
    half = [x.astype(jnp.bfloat16) for x in full]
    expected = biased_attention(*full, "explicit")
    actual = biased_attention(*half, form)
    assert actual.dtype == jnp.bfloat16
    assert jnp.abs(actual.astype(jnp.float32) - expected).mean() < 0.02


def test_auto_form_of_a_large_grid_does_not_store_all_scores():
    h = w = 56
    arguments = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in draw(h, w, 1, 2, 8)]

    def memory(form):
        def total(*arguments):
            return biased_attention(*arguments, form).sum()

        compiled = jax.jit(jax.grad(total, range(5))).lower(*arguments).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    all_scores = 2 * (h * w) ** 2 * 4
    assert h * w > SMALL_GRID
    assert memory("auto") < 0.5 * all_scores < memory("explicit")
    assert memory("blockwise") < 0.5 * all_scores


def test_unknown_form_is_a_user_error():
    with pytest.raises(UserError, match="did you mean 'chunked'"):
        biased_attention(*draw(2, 2), "chunk")
