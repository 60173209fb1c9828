"""Attention over grids of tokens: windows, the whole grid, and decomposed relative positions."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.models.biased_attention import biased_attention


def partition_windows(x: jax.Array, window: int) -> jax.Array:
    """[B, h, w, D] -> [B * windows, window, window, D], zero-padded at bottom and right."""
    x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % window), (0, -x.shape[2] % window), (0, 0)))
    B, h, w, D = x.shape
    x = x.reshape(B, h // window, window, w // window, window, D)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(-1, window, window, D)


def merge_windows(windows: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """The reverse: back to [B, h, w, D], cropped to `shape`."""
    window, D = windows.shape[1], windows.shape[3]
    rows, columns = (-(-size // window) for size in shape)
    x = windows.reshape(-1, rows, columns, window, window, D)
    x = x.transpose(0, 1, 3, 2, 4, 5).reshape(-1, rows * window, columns * window, D)
    return x[:, : shape[0], : shape[1]]


def resize_linear(table: jax.Array, length: int) -> jax.Array:
    """Resizes the first axis linearly: half-pixel centers, edges clamped."""
    if table.shape[0] == length:
        return table
    position = (jnp.arange(length) + 0.5) * (table.shape[0] / length) - 0.5
    position = jnp.clip(position, 0, table.shape[0] - 1)
    low = jnp.floor(position).astype(int)
    high = jnp.minimum(low + 1, table.shape[0] - 1)
    part = (position - low)[:, None]
    return (1 - part) * table[low] + part * table[high]


class RelativePositionAttention(nn.Module):
    """Self-attention on a grid with a decomposed relative position bias.

    `grid` is the grid that the tables are made for; on another one they are resized. `form` is
    how the scores are worked off (models/biased_attention.py): all forms compute the same.
    """

    heads: int
    grid: tuple[int, int]
    dtype: jnp.dtype = jnp.float32
    form: str = "auto"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        B, h, w, D = x.shape
        head_size = D // self.heads
        qkv = nn.Dense(3 * D, dtype=self.dtype, name="qkv")(x)
        q, k, v = jnp.moveaxis(qkv.reshape(B, h * w, 3, self.heads, head_size), 2, 0)
        grid_q = q.reshape(B, h, w, self.heads, head_size)  # the bias takes q unscaled
        rows = jnp.einsum(
            "bhwnd,hkd->bhwnk", grid_q, self._relative("relative_h", self.grid[0], h, head_size)
        )
        columns = jnp.einsum(
            "bhwnd,wkd->bhwnk", grid_q, self._relative("relative_w", self.grid[1], w, head_size)
        )
        rows, columns = rows.reshape(*q.shape[:3], h), columns.reshape(*q.shape[:3], w)
        x = biased_attention(q, k, v, rows, columns, self.form).reshape(B, h, w, D)
        return nn.Dense(D, dtype=self.dtype, name="proj")(x)

    def _relative(self, name: str, size: int, used: int, head_size: int) -> jax.Array:
        """The table's entry for each (query, key) along one side: [used, used, d]."""
        table = self.param(name, nn.initializers.zeros, (2 * size - 1, head_size))
        table = resize_linear(table, 2 * used - 1).astype(self.dtype)
        distance = jnp.arange(used)[:, None] - jnp.arange(used)[None, :] + used - 1
        return table[distance]


class Attention(nn.Module):
    """Attention of queries to keys and values, through `width` channels."""

    heads: int
    width: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        out = q.shape[-1]
        q, k, v = (
            nn.Dense(self.width, dtype=self.dtype, name=name)(x).reshape(
                *x.shape[:-1], self.heads, -1
            )
            for name, x in (("query", q), ("key", k), ("value", v))
        )
        scores = jnp.einsum("bqnd,bknd->bnqk", q, k, preferred_element_type=jnp.float32)
        weights = nn.softmax(scores * q.shape[-1] ** -0.5).astype(self.dtype)
        x = jnp.einsum("bnqk,bknd->bqnd", weights, v)
        return nn.Dense(out, dtype=self.dtype, name="out")(x.reshape(*x.shape[:-2], -1))
