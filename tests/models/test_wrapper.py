"""ReconNet's padding and normalization."""

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.models.wrapper import pad_to_multiple, reconnet

SIZES = st.tuples(st.integers(1, 13), st.integers(1, 13))
PATCHES = st.tuples(st.integers(1, 5), st.integers(1, 5))


def draw(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


@settings(max_examples=8, deadline=None)
@given(SIZES, PATCHES)
def test_padding_is_symmetric_with_the_odd_line_after(shape, patch):
    x = draw(1, *shape, 1) + 1
    padded, start = map(np.asarray, jax.jit(pad_to_multiple, static_argnums=1)(x, patch))
    for axis, (size, n) in enumerate(zip(shape, patch, strict=True)):
        missing = padded.shape[axis + 1] - size
        assert padded.shape[axis + 1] % n == 0 and 0 <= missing < n
        assert start[axis] == missing // 2
    inside = padded[:, start[0] : start[0] + shape[0], start[1] : start[1] + shape[1]]
    np.testing.assert_array_equal(inside, x)
    np.testing.assert_allclose(padded.sum(), x.sum(), rtol=1e-5)


@settings(max_examples=8, deadline=None)
@given(SIZES.filter(lambda shape: min(shape) > 1), PATCHES)
def test_identity_network_returns_the_image(shape, patch):
    image = draw(2, *shape, 1)
    identity = jax.jit(lambda image: reconnet(lambda x: x, image, patch))
    np.testing.assert_allclose(identity(image), image, atol=1e-6)


def test_network_input_has_mean_0_and_sample_deviation_1_with_padding():
    inputs = []

    def network(x):
        inputs.append(np.asarray(x))
        return x

    reconnet(network, 7 * draw(3, 9, 10, 1) + 2, (4, 4))
    assert inputs[0].shape == (3, 12, 12, 1)
    np.testing.assert_allclose(inputs[0].mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(inputs[0].std(axis=(1, 2, 3), ddof=1), 1, atol=1e-5)
