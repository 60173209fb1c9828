import jax
import jax.numpy as jnp
import pytest

from mript_jax.training.flops import count_flops


def test_flops_of_products_and_convolutions_are_two_per_multiplication():
    a, b = jnp.zeros((3, 4)), jnp.zeros((4, 5))
    assert count_flops(jnp.dot, a, b) == 2 * 3 * 4 * 5
    image, kernel = jnp.zeros((2, 8, 8, 3)), jnp.zeros((5, 5, 3, 7))

    def conv(image, kernel):
        return jax.lax.conv_general_dilated(
            image, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    assert count_flops(conv, image, kernel) == 2 * (2 * 8 * 8 * 7) * (5 * 5 * 3)


def test_flops_count_each_iteration_of_a_loop_and_gradients():
    w = jnp.zeros((4, 4))

    @jax.jit
    def looped(x):
        return jax.lax.scan(lambda x, _: (x @ w, None), x, length=6)[0]

    forward = count_flops(looped, jnp.zeros((2, 4)))
    assert forward == 6 * 2 * 2 * 4 * 4

    def loss(w):
        return jnp.sum((jnp.ones((2, 4)) @ w) ** 2)

    assert count_flops(jax.grad(loss), w) == pytest.approx(2 * count_flops(loss, w))
