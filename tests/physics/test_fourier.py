import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from mript_jax.physics.fourier import fft2c, ifft2c, mirrored
from mript_jax.physics.partitioned_fft import fft_by_products

SHAPES = st.tuples(st.integers(1, 17), st.integers(1, 17))


def dft_matrix(n: int) -> np.ndarray:
    """The centered, orthonormal transform by its definition."""
    k = np.arange(n) - n // 2
    return np.exp(-2j * np.pi * np.outer(k, k) / n) / np.sqrt(n)


@given(SHAPES, st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_transform_matches_the_centered_orthonormal_definition(shape, seed):
    x = np.random.default_rng(seed).standard_normal((2, *shape))
    H, W = shape
    expected = dft_matrix(H) @ x @ dft_matrix(W).T
    np.testing.assert_allclose(fft2c(x), expected, atol=1e-10)


@given(SHAPES, st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_transform_preserves_energy_and_is_inverted(shape, seed):
    x = np.random.default_rng(seed).standard_normal((2, *shape)).astype(np.complex64)
    assert np.linalg.norm(fft2c(x)) == pytest.approx(np.linalg.norm(x), rel=1e-5)
    np.testing.assert_allclose(ifft2c(fft2c(x)), x, atol=1e-5)
    np.testing.assert_allclose(fft2c(ifft2c(x)), x, atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (2, 3, 5, 6)])
def test_inverse_transform_is_the_adjoint(assert_adjoint, shape):
    assert_adjoint(fft2c, ifft2c, shape, shape)


@pytest.mark.parametrize("shape", [(8, 8), (7, 10), (3, 9, 5)])
def test_transforms_agree_between_numpy_and_jax(random_complex, shape):
    x = random_complex(*shape)
    for transform in (fft2c, ifft2c):
        np.testing.assert_allclose(transform(x), transform(jnp.asarray(x)), atol=1e-5)


def test_single_precision_is_kept():
    x = np.ones((4, 6), np.float32)
    for array in (x, x.astype(np.complex64), jnp.asarray(x)):
        assert fft2c(array).dtype == ifft2c(array).dtype == np.complex64


def test_zero_frequency_lies_at_half_the_size():
    kspace = fft2c(np.ones((6, 9)))
    assert np.unravel_index(np.abs(kspace).argmax(), kspace.shape) == (3, 4)


@pytest.mark.parametrize("shape", [(6, 8), (5, 8), (7, 9)])
def test_conjugated_mirrored_kspace_is_that_of_the_conjugated_image(shape):
    rng = np.random.default_rng(0)
    image = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    np.testing.assert_allclose(np.conj(mirrored(fft2c(image))), fft2c(np.conj(image)), atol=1e-12)


@pytest.mark.parametrize("real", [True, False])
def test_transform_of_a_sharded_batch_stays_on_its_devices(real):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    spread = NamedSharding(mesh, P("data"))

    def loss(image):
        return jnp.abs(ifft2c(jnp.square(fft2c(image)))).sum()

    shape = jax.ShapeDtypeStruct((8, 3, 6, 8), jnp.float32 if real else jnp.complex64)
    gradient = jax.jit(jax.grad(loss), in_shardings=spread, out_shardings=spread)
    program = gradient.lower(shape).compile().as_text()
    assert "fft(" in program
    assert "all-gather" not in program and "all-to-all" not in program


@pytest.mark.parametrize("inverse", [False, True])
def test_transform_by_products_is_the_same(random_complex, inverse):
    x = random_complex(2, 5, 8)
    expected = (np.fft.ifft2 if inverse else np.fft.fft2)(x)
    found = fft_by_products(jnp.asarray(x), (1, 2), inverse)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_transform_is_linear_symmetric_and_maps_over_any_axis():
    x, y = np.random.default_rng(3).standard_normal((2, 2, 3, 4, 6)).astype(np.complex64)
    mapped = jax.vmap(jax.vmap(ifft2c), 1, 1)(jnp.asarray(x))
    np.testing.assert_allclose(mapped, ifft2c(x), atol=1e-6)
    value, derivative = jax.jvp(fft2c, (jnp.asarray(x),), (jnp.asarray(y),))
    np.testing.assert_allclose(value, fft2c(x), atol=1e-6)
    np.testing.assert_allclose(derivative, fft2c(y), atol=1e-6)
    (transposed,) = jax.vjp(fft2c, jnp.asarray(x))[1](jnp.asarray(y))
    np.testing.assert_allclose(transposed, fft2c(y), atol=1e-6)
