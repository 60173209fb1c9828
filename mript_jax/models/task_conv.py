"""Convolution in which every sample of a batch has its own kernel: heads and tails of mixed tasks.

Accelerators run it as one grouped convolution. XLA's CPU backend is very slow at those and at
gradients of kernels (measured in docs/mript_performance.md), so there samples are taken in turn,
and the kernel's gradient is a matrix product over shifted rows.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp


class TaskConv(nn.Module):
    """ "Same" convolution with a kernel for each index; a sample uses that of its index."""

    count: int
    features: int
    size: int
    dtype: jnp.dtype
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal(batch_axis=(0,))

    @nn.compact
    def __call__(self, x: jax.Array, index: jax.Array) -> jax.Array:
        shape = (self.count, self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.count, self.features))
        convolve = _in_turn if jax.default_backend() == "cpu" else jax.vmap(_convolve)
        y = convolve(x.astype(self.dtype), kernel[index].astype(self.dtype))
        return y + bias[index][:, None, None].astype(self.dtype)


def _convolve(image: jax.Array, kernel: jax.Array) -> jax.Array:
    """[H, W, C] with [k, k, C, F] -> [H, W, F]."""
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        image[None], kernel, (1, 1), "SAME", dimension_numbers=numbers
    )[0]


@jax.custom_vjp
def _in_turn(images: jax.Array, kernels: jax.Array) -> jax.Array:
    return jax.lax.map(lambda pair: _convolve(*pair), (images, kernels))


def _in_turn_forward(images, kernels):
    return _in_turn(images, kernels), (images, kernels)


def _in_turn_backward(saved, gradients):
    return jax.lax.map(lambda one: _backward(*one), (*saved, gradients))


_in_turn.defvjp(_in_turn_forward, _in_turn_backward)


def _backward(
    image: jax.Array, kernel: jax.Array, gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gradients of the image and of the kernel."""
    k, (H, W, _) = kernel.shape[0], image.shape
    of_image = _convolve(gradient, jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    padded = jnp.pad(image, ((k // 2, k // 2), (k // 2, k // 2), (0, 0)))
    shifted = jnp.concatenate([padded[:, i : i + W] for i in range(k)], axis=-1)  # [., W, k * C]
    flat = gradient.reshape(H * W, -1)
    rows = [shifted[i : i + H].reshape(H * W, -1).T @ flat for i in range(k)]  # each [k * C, F]
    return of_image, jnp.stack(rows).reshape(kernel.shape)
