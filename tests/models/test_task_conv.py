"""Convolution with a kernel per sample: both forms against plain convolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P
from scipy.signal import correlate

from mript_jax.models.task_conv import TaskConv, conv_sequential, conv_shifted_matmul, convolve


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("form", [conv_shifted_matmul, conv_sequential])
def test_convolution_matches_the_plain_correlation(form):
    images, kernels = draw(2, 6, 7, 3), draw(2, 5, 5, 3, 2)
    actual = form(images, kernels)
    for b in range(2):
        for f in range(2):
            channels = [
                correlate(images[b, :, :, c], kernels[b, :, :, c, f], "same") for c in range(3)
            ]
            np.testing.assert_allclose(actual[b, :, :, f], sum(channels), atol=1e-4)


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 3), st.integers(1, 7), st.integers(1, 7), st.sampled_from([1, 3, 5]))
def test_gradients_match_autodiff(batch, h, w, k):
    images, kernels = draw(batch, h, w, 2), draw(batch, k, k, 2, 3)
    weight = draw(batch, h, w, 3, seed=1)

    def gradients(form):
        def total(images, kernels):
            return jnp.sum(form(images, kernels) * weight)

        return jax.jit(jax.grad(total, (0, 1)))(images, kernels)

    expected = gradients(jax.vmap(convolve))
    for form in (conv_shifted_matmul, conv_sequential):
        for a, b in zip(gradients(form), expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)


def test_each_sample_has_the_kernel_of_its_index():
    layer = TaskConv(count=3, features=2, size=3, dtype=jnp.float32)
    x = draw(4, 5, 5, 1)
    params = {"kernel": draw(3, 3, 3, 1, 2), "bias": draw(3, 2)}
    index = np.array([2, 0, 2, 1])
    apply = jax.jit(layer.apply)
    mixed = apply({"params": params}, x, index)
    for b in range(4):
        alone = apply({"params": params}, x[b : b + 1], index[b : b + 1])
        np.testing.assert_allclose(mixed[b], alone[0], atol=1e-5)


def test_sharded_batch_is_not_moved_between_devices():
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:4])
    spread, same = NamedSharding(mesh, P("data")), NamedSharding(mesh, P())

    def loss(kernels, images, index):
        return jnp.square(conv_shifted_matmul(images, kernels[index])).mean()

    gradient = jax.jit(jax.grad(loss), in_shardings=(same, spread, spread), out_shardings=same)
    arguments = draw(3, 5, 5, 2, 2), draw(8, 16, 16, 2), np.arange(8) % 3
    program = gradient.lower(*arguments).compile().as_text()
    assert "all-reduce" in program  # of the kernels' gradient
    assert "all-gather" not in program and "all-to-all" not in program
