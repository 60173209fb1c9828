"""Convolution with a kernel per sample, for heads and tails of batches of mixed tasks.

Two equivalent forms, chosen by measurement (docs/mript_performance.md). Matrix products over
shifted rows stay on the device of each sample, for every sharding of the batch. A single CPU
processes the samples one after the other, which XLA runs many times faster there than any batched
form.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from mript_jax.target import current_target


class TaskConv(nn.Module):
    """Convolution ("same" padding) with a kernel per task: each sample uses that of its index."""

    count: int
    features: int
    size: int
    dtype: DTypeLike
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal(batch_axis=(0,))

    @nn.compact
    def __call__(self, x: jax.Array, choice: jax.Array) -> jax.Array:
        shape = (self.count, self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.count, self.features))
        kernel, bias = (jnp.take(p, choice, axis=0).astype(self.dtype) for p in (kernel, bias))
        return convolve_each(x.astype(self.dtype), kernel) + bias[:, None, None]


def convolve_each(images: jax.Array, kernels: jax.Array) -> jax.Array:
    """Images [B, H, W, C], each with its own kernel [B, k, k, C, F] -> [B, H, W, F]."""
    target = current_target()
    one_cpu = target.platform == "cpu" and target.devices == 1
    return conv_sequential(images, kernels) if one_cpu else conv_shifted_matmul(images, kernels)


@jax.checkpoint  # rematerialize the shifted copies
def conv_shifted_matmul(images: jax.Array, kernels: jax.Array) -> jax.Array:
    """Convolve each image by one batched matrix product for each row of its kernel."""
    B, H, W, _ = images.shape
    shifted = _shift_columns(images, kernels.shape[1])
    rows = [
        jnp.einsum(
            "bne,bef->bnf",
            shifted[:, i : i + H].reshape(B, H * W, -1),
            kernels[:, i].reshape(B, -1, kernels.shape[-1]),
            preferred_element_type=jnp.float32,
        )
        for i in range(kernels.shape[1])
    ]
    return functools.reduce(jnp.add, rows).astype(images.dtype).reshape(B, H, W, -1)


@jax.custom_vjp
def conv_sequential(images: jax.Array, kernels: jax.Array) -> jax.Array:
    """Convolve sample after sample; gradients of kernels are products over shifted rows."""
    return jax.lax.map(lambda pair: convolve(*pair), (images, kernels))


def convolve(image: jax.Array, kernel: jax.Array) -> jax.Array:
    """[H, W, C] with [k, k, C, F] -> [H, W, F]."""
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        image[None], kernel, (1, 1), "SAME", dimension_numbers=numbers
    )[0]


def _conv_sequential_forward(images: jax.Array, kernels: jax.Array) -> tuple[jax.Array, tuple]:
    return conv_sequential(images, kernels), (images, kernels)


def _conv_sequential_backward(saved: tuple, gradients: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jax.lax.map(lambda one: _backward(*one), (*saved, gradients))


conv_sequential.defvjp(_conv_sequential_forward, _conv_sequential_backward)


def _backward(
    image: jax.Array, kernel: jax.Array, gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gradients of the image and of the kernel."""
    k, _, C, F = kernel.shape
    H, r = image.shape[0], k // 2
    of_image = convolve(gradient, jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    # One product of the image, shifted along columns, and the gradient, shifted along rows.
    columns = _shift_columns(image[None], k)[0, r : r + H].reshape(-1, k * C)
    padded = jnp.pad(gradient, ((r, r), (0, 0), (0, 0)))
    rows = jnp.concatenate([padded[k - 1 - i :][:H] for i in range(k)], axis=-1)
    of_kernel = columns.T @ rows.reshape(-1, k * F)  # [k * C, k * F]
    return of_image, jnp.moveaxis(of_kernel.reshape(k, C, k, F), 2, 0)


def _shift_columns(images: jax.Array, k: int) -> jax.Array:
    """[B, H, W, C] -> [B, H + k - 1, W, k * C]: every pixel with its neighbours along the row."""
    W, r = images.shape[2], k // 2
    padded = jnp.pad(images, ((0, 0), (r, r), (r, r), (0, 0)))
    return jnp.concatenate([padded[:, :, i : i + W] for i in range(k)], axis=-1)
