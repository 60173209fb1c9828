"""Swin: attention in windows that shift from block to block, and patch merging between stages."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from mript_jax.models.attention import (
    SelfAttention,
    merge_windows,
    partition_windows,
    relative_scores,
)
from mript_jax.models.layers import (
    LayerNorm,
    PatchEmbed,
    PositionEmbedding,
    TransformerBlock,
    drop_path_rates,
)
from mript_jax.models.masking import MaskToken

EPSILON = 1e-5
APART = -100.0  # score between tokens of one window that are not neighbours in the image


class WindowAttention(nn.Module):
    """Self-attention in the windows of a grid [B, h, w, D] that is first rolled by `shift`."""

    heads: int
    window: int
    shift: int
    dtype: DTypeLike
    dropout: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        B, h, w, _ = x.shape
        side = 2 * self.window - 1
        start = nn.initializers.truncated_normal(0.02)
        bias = relative_scores(self.param("relative", start, (side, side, self.heads)))
        if self.shift:
            x = jnp.roll(x, (-self.shift, -self.shift), axis=(1, 2))
            apart = jnp.where(self._regions(h, w), 0.0, APART)  # [n, N, N]
            bias = jnp.tile(bias[None] + apart[:, None], (B, 1, 1, 1))
        windows = partition_windows(x, self.window)  # [B * n, window, window, D]
        attention = SelfAttention(self.heads, dtype=self.dtype, dropout=self.dropout, name="within")
        x = merge_windows(attention(windows, train, bias), (h, w))
        return jnp.roll(x, (self.shift, self.shift), axis=(1, 2)) if self.shift else x

    def _regions(self, h: int, w: int) -> jax.Array:
        """True for tokens of a window of the rolled grid that were neighbours before: [n, N, N]."""

        def region(size):
            i = jnp.arange(size)
            return (i >= size - self.window).astype(jnp.int32) + (i >= size - self.shift)

        regions = 3 * region(h)[:, None] + region(w)[None]
        cut = partition_windows(regions[None, ..., None], self.window).reshape(-1, self.window**2)
        return cut[:, :, None] == cut[:, None, :]


class Stage(nn.Module):
    """Blocks at one resolution, every second one shifted; `first` is the index of the first."""

    first: int
    heads: int
    window: int
    shift: int
    mlp_ratio: float
    drop_path: tuple[float, ...]  # one rate for each block
    dropout: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        for i, rate in enumerate(self.drop_path):
            attention = partial(
                WindowAttention,
                heads=self.heads,
                window=self.window,
                shift=self.shift if i % 2 else 0,
                dtype=self.dtype,
                dropout=self.dropout,
            )
            x = TransformerBlock(
                attention,
                int(x.shape[-1] * self.mlp_ratio),
                epsilon=EPSILON,
                dtype=self.dtype,
                dropout=self.dropout,
                drop_path=rate,
                name=f"block_{self.first + i}",
            )(x, train)
        return x


class PatchMerging(nn.Module):
    """Merge 2 x 2 tokens into one of twice the width: [B, h, w, D] -> [B, h / 2, w / 2, 2 D]."""

    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        B, h, w, D = x.shape
        x = x.reshape((B, h // 2, 2, w // 2, 2, D))
        x = x.transpose((0, 1, 3, 4, 2, 5)).reshape(B, h // 2, w // 2, 4 * D)  # column by column
        x = LayerNorm(EPSILON, self.dtype, name="norm")(x)
        return nn.Dense(2 * D, use_bias=False, dtype=self.dtype, name="reduction")(x)


class Swin(nn.Module):
    """Images [B, H, W, C] with tokens hidden at [B, h, w] -> features of the last stage."""

    grid: tuple[int, int]  # of tokens, for which windows and position embedding have their size
    patch: int
    width: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window: int
    mlp_ratio: float
    position_embedding: bool
    dropout: float
    drop_path: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, hidden: jax.Array, train: bool) -> jax.Array:
        x = PatchEmbed((self.patch, self.patch), self.width, self.dtype, name="patch_embed")(x)
        x = LayerNorm(EPSILON, self.dtype, name="patch_norm")(x)
        x = MaskToken(name="mask_token")(x, hidden)
        if self.position_embedding:
            x = PositionEmbedding(self.grid, name="position")(x)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        rates, first = drop_path_rates(self.drop_path, sum(self.depths)), 0
        for i, (depth, heads) in enumerate(zip(self.depths, self.heads, strict=True)):
            window, shift = fit_window(self.window, tuple(n // 2**i for n in self.grid))
            x = Stage(
                first,
                heads,
                window=window,
                shift=shift,
                mlp_ratio=self.mlp_ratio,
                drop_path=rates[first : first + depth],
                dropout=self.dropout,
                dtype=self.dtype,
                name=f"stage_{i}",
            )(x, train)
            first += depth
            if i + 1 < len(self.depths):
                x = PatchMerging(self.dtype, name=f"merge_{i}")(x)
        return LayerNorm(EPSILON, self.dtype, name="norm")(x)


def fit_window(window: int, grid: tuple[int, int]) -> tuple[int, int]:
    """Window and shift for a grid; a grid no larger than the window is one window, unshifted."""
    if min(grid) <= window:
        return min(grid), 0
    return window, window // 2
