"""Building blocks that the models share.

Parameters are float32; `dtype` is that of the computation. Norms always compute in float32.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


def exact_gelu(x: jax.Array) -> jax.Array:
    """GELU by the error function (the public codes' form, not the tanh approximation)."""
    return nn.gelu(x, approximate=False)


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
    """dense -> activation -> dense, with dropout after each."""

    hidden: int
    activation: Callable[[jax.Array], jax.Array] = exact_gelu
    dtype: DTypeLike = jnp.float32
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        features = x.shape[-1]
        drop = nn.Dropout(self.dropout, deterministic=not train)
        x = nn.Dense(self.hidden, dtype=self.dtype, name="dense_in")(x)
        x = drop(self.activation(x))
        return drop(nn.Dense(features, dtype=self.dtype, name="dense_out")(x))


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
            name="proj",
        )(x)


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
