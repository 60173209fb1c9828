"""MR-IPT's encoder: a ViTDet image encoder, windowed blocks with a few global ones, and its neck."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.models.attention import (
    RelativePositionAttention,
    merge_windows,
    partition_windows,
)
from mript_jax.models.layers import LayerNorm, Mlp, PatchEmbed

EPSILON = 1e-6


class Block(nn.Module):
    """Pre-norm transformer block on a grid; `window` 0 attends to the whole grid."""

    heads: int
    hidden: int
    window: int
    grid: tuple[int, int]
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = x.shape[1:3]
        y = LayerNorm(EPSILON, self.dtype, name="norm_attention")(x)
        if self.window:
            y = partition_windows(y, self.window)
        grid = (self.window, self.window) if self.window else self.grid
        y = RelativePositionAttention(self.heads, grid, self.dtype, name="attention")(y)
        if self.window:
            y = merge_windows(y, shape)
        x = x + y
        y = LayerNorm(EPSILON, self.dtype, name="norm_mlp")(x)
        return x + Mlp(self.hidden, dtype=self.dtype, name="mlp")(y)


class Encoder(nn.Module):
    """Image features [B, H, W, F] -> [B, h, w, C]."""

    grid: tuple[int, int]  # of tokens, that the position tables are made for
    patch: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    window: int
    global_blocks: tuple[int, ...]
    out_width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = PatchEmbed((self.patch, self.patch), self.width, self.dtype, name="patch_embed")(x)
        position = self.param("position", nn.initializers.zeros, (1, *self.grid, self.width))
        if self.grid != x.shape[1:3]:
            position = jax.image.resize(
                position, (1, *x.shape[1:]), "bilinear", antialias=False
            )
        x = x + position.astype(self.dtype)
        for i in range(self.depth):
            window = 0 if i in self.global_blocks else self.window
            hidden = int(self.width * self.mlp_ratio)
            x = Block(self.heads, hidden, window, self.grid, self.dtype, name=f"block_{i}")(x)
        conv = {"use_bias": False, "dtype": self.dtype}
        x = nn.Conv(self.out_width, (1, 1), name="neck_reduce", **conv)(x)
        x = LayerNorm(EPSILON, self.dtype, name="neck_norm_0")(x)
        x = nn.Conv(self.out_width, (3, 3), name="neck_mix", **conv)(x)
        return LayerNorm(EPSILON, self.dtype, name="neck_norm_1")(x)
