"""Building blocks that the models share.

Parameters are float32; `dtype` is that of the computation. Norms always compute in float32.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


@jax.custom_vjp
def exact_gelu(x: jax.Array) -> jax.Array:
    """GELU by the error function (the public codes' form, not the tanh approximation).

    Of its intermediate results the backward pass keeps none: autodiff would store three.
    """
    return (x * _normal_cdf(x)).astype(x.dtype)


def _normal_cdf(x: jax.Array) -> jax.Array:
    """The normal distribution's cumulative distribution function, in float32."""
    return 0.5 * (1.0 + jax.lax.erf(x.astype(jnp.float32) * 0.5**0.5))


def _exact_gelu_backward(x: jax.Array, gradient: jax.Array) -> tuple[jax.Array]:
    density = jnp.exp(-0.5 * jnp.square(x.astype(jnp.float32))) * (2 * jnp.pi) ** -0.5
    return ((gradient * (_normal_cdf(x) + x * density)).astype(x.dtype),)


exact_gelu.defvjp(lambda x: (exact_gelu(x), x), _exact_gelu_backward)


class LayerNorm(nn.Module):
    """LayerNorm over the last axis (channels), in float32, returned in `dtype`.

    On an image [B, H, W, C] it equals LayerNorm2d of PyTorch codes.
    """

    epsilon: float
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        norm = nn.LayerNorm(epsilon=self.epsilon, dtype=jnp.float32, name="norm")
        return norm(x).astype(self.dtype)


class Mlp(nn.Module):
    """dense -> activation -> dense, with dropout after each.

    Tokens are the rows of a matrix: XLA's CPU backend transposes a grid of them before a product.
    """

    hidden: int
    activation: Callable[[jax.Array], jax.Array] = exact_gelu
    dtype: DTypeLike = jnp.float32
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        shape, features = x.shape, x.shape[-1]
        drop = nn.Dropout(self.dropout, deterministic=not train)
        x = nn.Dense(self.hidden, dtype=self.dtype, name="dense_in")(x.reshape(-1, features))
        x = drop(self.activation(x))
        return drop(nn.Dense(features, dtype=self.dtype, name="dense_out")(x)).reshape(shape)


def convolve_patches(
    x: jax.Array, kernel: jax.Array, strides: tuple[int, ...], padding: Any, **_: Any
) -> jax.Array:
    """The convolution of `nn.Conv` where strides equal the kernel's sides, as a matrix product.

    XLA's CPU backend computes its gradients several times faster than those of a convolution.
    """
    B, H, W, C = x.shape
    (p, q), D = strides, kernel.shape[-1]
    h, w = H // p, W // q
    x = x[:, : h * p, : w * q].reshape((B, h, p, w, q, C)).swapaxes(2, 3)
    return (x.reshape(-1, p * q * C) @ kernel.reshape(-1, D)).reshape((B, h, w, D))


class PatchEmbed(nn.Module):
    """Non-overlapping patches to tokens, kept as a grid: [B, H, W, C] -> [B, h, w, D]."""

    patch: tuple[int, int]
    width: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Conv(
            self.width,
            self.patch,
            strides=self.patch,
            padding="VALID",
            dtype=self.dtype,
            conv_general_dilated=convolve_patches,
            name="proj",
        )(x)


class PatchExpand(nn.Module):
    """Transposed convolution of non-overlapping 2 x 2 patches: [B, h, w, C] -> [B, 2h, 2w, F].

    Parameters and results are those of `nn.ConvTranspose` with `transpose_kernel`; as a matrix
    product its gradient takes a CPU twice the time of its forward pass instead of 30 times.
    """

    features: int
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        B, h, w, C = x.shape
        kernel = self.param("kernel", self.kernel_init, (2, 2, self.features, C))
        matrix = kernel.reshape(-1, C).T.astype(self.dtype)  # [C, 4F]
        x = x.astype(self.dtype).reshape(-1, C) @ matrix
        x = x.reshape((B, h, w, 2, 2, -1)).swapaxes(2, 3).reshape(B, 2 * h, 2 * w, -1)
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.astype(self.dtype)[None, None, None]


class PositionEmbedding(nn.Module):
    """Learned position embedding, added to tokens [B, h, w, D] and resized to their grid."""

    grid: tuple[int, int]  # of the table

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (1, *self.grid, x.shape[-1])
        table = self.param("table", nn.initializers.truncated_normal(0.02), shape)
        table = jax.image.resize(table, (1, *x.shape[1:]), "bilinear", antialias=False)
        return x + table.astype(x.dtype)


class DropPath(nn.Module):
    """Stochastic depth: drop a residual branch for whole samples, in training only."""

    rate: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if not train or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        shape = (x.shape[0],) + (1,) * (x.ndim - 1)
        kept = jax.random.bernoulli(self.make_rng("dropout"), keep, shape)
        return jnp.where(kept, x / keep, 0.0)


class TransformerBlock(nn.Module):
    """Pre-norm transformer block: x + attention(norm(x)), then x + mlp(norm(x)).

    `attention(name=...)` returns the attention layer; `layer_scale` is the initial value of the
    learned factors of the two branches, None for no such factors.
    """

    attention: Callable[..., nn.Module]
    hidden: int
    epsilon: float
    dtype: DTypeLike = jnp.float32
    dropout: float = 0.0
    drop_path: float = 0.0
    layer_scale: float | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False, **attending: Any) -> jax.Array:
        y = LayerNorm(self.epsilon, self.dtype, name="norm_attention")(x)
        y = self.attention(name="attention")(y, train=train, **attending)
        x = x + self._branch("scale_attention", y, train)
        y = LayerNorm(self.epsilon, self.dtype, name="norm_mlp")(x)
        y = Mlp(self.hidden, dtype=self.dtype, dropout=self.dropout, name="mlp")(y, train)
        return x + self._branch("scale_mlp", y, train)

    def _branch(self, name: str, y: jax.Array, train: bool) -> jax.Array:
        if self.layer_scale is not None:
            start = nn.initializers.constant(self.layer_scale)
            scale = self.param(name, start, y.shape[-1:])
            y = y * jnp.expand_dims(scale, range(y.ndim - 1)).astype(y.dtype)
        return DropPath(self.drop_path, name=f"drop_{name}")(y, train)


def drop_path_rates(largest: float, depth: int) -> tuple[float, ...]:
    """The rate of each block: linear from 0 to `largest`."""
    return tuple(largest * i / max(depth - 1, 1) for i in range(depth))


def depth_to_space(x: jax.Array, patch: tuple[int, int]) -> jax.Array:
    """Rearrange patches into pixels: [B, h, w, C * p * q] -> [B, h * p, w * q, C].

    Channels come first, then rows and columns of the patch, as in PyTorch's pixel shuffle.
    """
    B, h, w, _ = x.shape
    x = x.reshape((B, h, w, -1, *patch)).transpose((0, 1, 4, 2, 5, 3))
    return x.reshape(B, h * patch[0], w * patch[1], -1)
