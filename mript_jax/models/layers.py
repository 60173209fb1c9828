"""Building blocks that every model here is made of.

Parameters are float32; `dtype` is what a layer computes in. Norms always compute in float32.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp


def exact_gelu(x: jax.Array) -> jax.Array:
    """GELU by the error function (the public codes' form, not the tanh approximation)."""
    return nn.gelu(x, approximate=False)


class LayerNorm(nn.Module):
    """LayerNorm over the last axis (channels), in float32, returned in `dtype`.

    Over an image [B, H, W, C] this is what PyTorch codes call LayerNorm2d.
    """

    epsilon: float
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        norm = nn.LayerNorm(epsilon=self.epsilon, dtype=jnp.float32, name="norm")
        return norm(x).astype(self.dtype)


class Mlp(nn.Module):
    """dense -> activation -> dense."""

    hidden: int
    activation: Callable[[jax.Array], jax.Array] = exact_gelu
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        features = x.shape[-1]
        x = nn.Dense(self.hidden, dtype=self.dtype, name="dense_in")(x)
        return nn.Dense(features, dtype=self.dtype, name="dense_out")(self.activation(x))


class PatchEmbed(nn.Module):
    """Non-overlapping patches to tokens, kept as a grid: [B, H, W, C] -> [B, h, w, D]."""

    patch: tuple[int, int]
    width: int
    dtype: jnp.dtype = jnp.float32

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


class DropPath(nn.Module):
    """Stochastic depth: drops a residual branch for whole samples, during training only."""

    rate: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if not train or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        shape = (x.shape[0],) + (1,) * (x.ndim - 1)
        kept = jax.random.bernoulli(self.make_rng("dropout"), keep, shape)
        return jnp.where(kept, x / keep, 0.0)
