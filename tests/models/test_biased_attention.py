"""The forms of biased attention: equal to rounding, and their memory."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.models.biased_attention import FORMS, SMALL_GRID, biased_attention
from mript_jax.target import Target, traced_for
from mript_jax.training.flops import count_flops
from mript_jax.training.topology import admit_cudnn

NAMES = ("q", "k", "v", "rows", "columns")


@cache
def value_and_gradients(form, grid):
    arguments = draw(*grid)
    weight = jnp.cos(jnp.arange(arguments[0].size)).reshape(arguments[0].shape)

    def total(*arguments):
        out = biased_attention(*arguments, form)
        return jnp.sum(out * weight), out

    return jax.jit(jax.value_and_grad(total, range(5), has_aux=True))(*arguments)


def draw(h, w, batch=2, heads=3, d=5, dtype=np.float32):
    generator = np.random.default_rng(h * w)
    sizes = (d, d, d, h, w)
    return [jnp.asarray(generator.standard_normal((batch, h * w, heads, n)), dtype) for n in sizes]


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"explicit"}))
@pytest.mark.parametrize(
    "grid",
    [
        pytest.param((6, 4), marks=pytest.mark.slow),
        (5, 7),
        pytest.param((1, 3), marks=pytest.mark.slow),
        (53, 6),
    ],
)
def test_every_form_matches_the_explicit_one(form, grid, monkeypatch):
    monkeypatch.setattr("mript_jax.models.biased_attention.CHUNK", 16)
    monkeypatch.setattr("mript_jax.models.blockwise_attention.BLOCK", 600)
    (_, out), gradients = value_and_gradients(form, grid)
    (_, expected), expected_gradients = value_and_gradients("explicit", grid)
    np.testing.assert_allclose(out, expected, atol=2e-6)
    for name, a, b in zip(NAMES, gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * max(1.0, np.abs(b).max()), err_msg=name)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_bfloat16_stays_near_float32(form):
    full = draw(8, 8, d=16)
    half = [x.astype(jnp.bfloat16) for x in full]
    expected = jax.jit(partial(biased_attention, form="explicit"))(*full)
    actual = jax.jit(partial(biased_attention, form=form))(*half)
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


def names_in(jaxpr):
    """The names of all operations, also those inside others."""
    found = set()
    for equation in jaxpr.eqns:
        found.add(equation.primitive.name)
        for inner in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")
        ):
            inner = getattr(inner, "jaxpr", inner)
            found |= names_in(inner) if hasattr(inner, "eqns") else set()
    return found


@pytest.mark.parametrize(
    ("grid", "capability", "flash"),
    [
        (14, 9.0, True),  # a window: heads of 64 + 28, padded to 96
        (56, 9.0, True),  # the whole grid: heads of 176
        (14, 8.0, True),
        (56, 8.0, False),
        (14, 10.0, True),
        (56, 10.0, False),  # no backward pass for heads above 128
        (14, 0.0, False),  # an unknown GPU, as in an exported program
        (7, 9.0, False),  # less than a tile
    ],
)
def test_flash_attention_is_chosen_where_the_target_has_a_kernel_for_the_heads(
    grid, capability, flash
):
    arguments = [
        jax.ShapeDtypeStruct(x.shape, jnp.bfloat16) for x in draw(grid, grid, 1, heads=2, d=64)
    ]

    def total(*arguments):
        return biased_attention(*arguments, "auto").astype(jnp.float32).sum()

    target = Target("gpu", 8, capability)
    with traced_for(target), admit_cudnn(capability):
        jaxpr = jax.make_jaxpr(jax.grad(total))(*arguments).jaxpr
    assert ("dot_product_attention_bwd_wrapper" in names_in(jaxpr)) == flash


def test_flops_of_flash_attention_are_counted():
    q = jax.ShapeDtypeStruct((2, 128, 3, 64), jnp.bfloat16)

    def attend(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, implementation="cudnn").sum()

    with admit_cudnn(9.0):
        forward = count_flops(attend, q, q, q)
        both = count_flops(jax.grad(attend), q, q, q)
    assert forward == 2 * 2 * (2 * 3 * 128 * 128) * 64
    assert both == (1 + 2.5) * forward
