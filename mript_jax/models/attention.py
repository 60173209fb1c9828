"""Attention over grids of tokens: windows, the whole grid, and decomposed relative positions."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from mript_jax.models.biased_attention import biased_attention


def partition_windows(x: jax.Array, window: int) -> jax.Array:
    """[B, h, w, D] -> [B * windows, window, window, D], zero-padded at bottom and right."""
    x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % window), (0, -x.shape[2] % window), (0, 0)))
    B, h, w, D = x.shape
    x = x.reshape((B, h // window, window, w // window, window, D))
    return x.transpose((0, 1, 3, 2, 4, 5)).reshape(-1, window, window, D)


def merge_windows(windows: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Invert `partition_windows`: back to [B, h, w, D], cropped to `shape`."""
    window, D = windows.shape[1], windows.shape[3]
    rows, columns = (-(-size // window) for size in shape)
    x = windows.reshape((-1, rows, columns, window, window, D))
    x = x.transpose((0, 1, 3, 2, 4, 5)).reshape(-1, rows * window, columns * window, D)
    return x[:, : shape[0], : shape[1]]


def resize_linear(table: jax.Array, length: int) -> jax.Array:
    """Resize the first axis by linear interpolation: half-pixel centers, edges clamped."""
    if table.shape[0] == length:
        return table
    position = (np.arange(length) + 0.5) * (table.shape[0] / length) - 0.5
    position = np.clip(position, 0, table.shape[0] - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, table.shape[0] - 1)
    part = (position - low)[:, None].astype(np.float32)
    return (1 - part) * table[low] + part * table[high]


def attention_scores(q: jax.Array, k: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """q . k / sqrt(d) + bias in float32: [..., N, H, d] each -> [..., H, N, N].

    A bias without the leading axes is broadcast over them.
    """
    scores = jnp.einsum("...qnd,...knd->...nqk", q, k, preferred_element_type=jnp.float32)
    scores = scores * q.shape[-1] ** -0.5
    if bias is None:
        return scores
    return scores + jnp.expand_dims(bias, tuple(range(scores.ndim - bias.ndim)))


def attend(q: jax.Array, k: jax.Array, v: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """Softmax attention; q, k and v are [..., N, H, d], the bias [..., H, N, N]."""
    weights = nn.softmax(attention_scores(q, k, bias)).astype(v.dtype)
    return jnp.einsum("...nqk,...knd->...qnd", weights, v)


def relative_scores(table: jax.Array) -> jax.Array:
    """Scores from a table of relative positions: [2h - 1, 2w - 1, H] -> [H, h * w, h * w].

    The middle entry is the score of a token with itself; rows and columns are query minus key.
    """
    h, w = ((n + 1) // 2 for n in table.shape[:2])
    rows, columns = (np.arange(n)[:, None] - np.arange(n) + n - 1 for n in (h, w))
    scores = table[rows[:, None, :, None], columns[None, :, None, :]]  # [h, w, h, w, H]
    return scores.reshape(h * w, h * w, -1).transpose(2, 0, 1)


class QueriesKeysValues(nn.Module):
    """One dense layer for queries, keys and values: [B, N, D] -> 3 x [B, N, H, d].

    The kernel is cut into heads before the product, so that each device of a mesh's model axis
    computes whole heads; cut after it, the product of all would be gathered.
    """

    heads: int
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        D = x.shape[-1]
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (D, 3 * D))
        kernel = kernel.astype(self.dtype).reshape(D, 3, self.heads, -1)
        # Its gradient is summed before it is cut otherwise: else TPUs gather that of all tokens.
        kernel = jax.lax.optimization_barrier(kernel)
        qkv = jnp.einsum("bnd,dthk->tbnhk", x.astype(self.dtype), kernel)
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (3 * D,))
            qkv = qkv + bias.astype(self.dtype).reshape((3, 1, 1, self.heads, -1))
        return qkv


class RelativePositionAttention(nn.Module):
    """Self-attention on a grid with a decomposed relative position bias.

    `grid` is the grid of the tables; for another one they are resized. `form` is the implementation
    (models/biased_attention.py): all forms give the same result.
    """

    heads: int
    grid: tuple[int, int]
    dtype: DTypeLike = jnp.float32
    form: str = "auto"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        B, h, w, D = x.shape
        head_size = D // self.heads
        tokens = x.reshape(B, h * w, D)
        q, k, v = QueriesKeysValues(self.heads, dtype=self.dtype, name="qkv")(tokens)
        grid_q = q.reshape((B, h, w, self.heads, head_size))  # the bias takes q unscaled
        rows = jnp.einsum(
            "bhwnd,hkd->bhwnk", grid_q, self._relative("relative_h", self.grid[0], h, head_size)
        )
        columns = jnp.einsum(
            "bhwnd,wkd->bhwnk", grid_q, self._relative("relative_w", self.grid[1], w, head_size)
        )
        rows, columns = rows.reshape(*q.shape[:3], h), columns.reshape(*q.shape[:3], w)
        x = biased_attention(q, k, v, rows=rows, columns=columns, form=self.form)
        return nn.Dense(D, dtype=self.dtype, name="proj")(x.reshape(-1, D)).reshape(B, h, w, D)

    def _relative(self, name: str, size: int, used: int, head_size: int) -> jax.Array:
        """The table's entry for each (query, key) along one side: [used, used, d]."""
        table = self.param(name, nn.initializers.zeros, (2 * size - 1, head_size))
        table = resize_linear(table, 2 * used - 1).astype(self.dtype)
        distance = np.arange(used)[:, None] - np.arange(used)[None, :] + used - 1
        return table[distance]


class Attention(nn.Module):
    """Multi-head attention of queries to keys and values, with `width` channels inside."""

    heads: int
    width: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        out = q.shape[-1]
        q, k, v = (
            nn.Dense(self.width, dtype=self.dtype, name=name)(x).reshape(
                *x.shape[:-1], self.heads, -1
            )
            for name, x in (("query", q), ("key", k), ("value", v))
        )
        x = attend(q, k, v)
        return nn.Dense(out, dtype=self.dtype, name="out")(x.reshape(*x.shape[:-2], -1))


class SelfAttention(nn.Module):
    """Self-attention of tokens [B, ..., D]; `bias` [heads, N, N] is added to the scores."""

    heads: int
    qkv_bias: bool = True
    dtype: DTypeLike = jnp.float32
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, x: jax.Array, train: bool = False, bias: jax.Array | None = None
    ) -> jax.Array:
        D = x.shape[-1]
        tokens = x.reshape(x.shape[0], -1, D)
        project = QueriesKeysValues(self.heads, self.qkv_bias, self.dtype, name="qkv")
        q, k, v = project(tokens)
        y = attend(q, k, v, bias).reshape(x.shape)
        y = nn.Dense(D, dtype=self.dtype, name="proj")(y)
        return nn.Dropout(self.dropout, deterministic=not train)(y)


class GatedPositionalAttention(nn.Module):
    """Gated positional self-attention (GPSA, from ConViT) on a grid [B, h, w, D].

    The positional scores of a head are w . (dx, dy, dx^2 + dy^2) + b, of the offset from query to
    key. Their initial weights are Gaussians around offsets on a square grid, which `locality`
    makes narrower.
    """

    heads: int
    qkv_bias: bool = True
    dtype: DTypeLike = jnp.float32
    dropout: float = 0.0
    locality: float = 1.0

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        B, h, w, D = x.shape

        def dense(name, **options):
            layer = nn.Dense(D, use_bias=self.qkv_bias, dtype=self.dtype, name=name, **options)
            return layer(x).reshape(B, h * w, self.heads, D // self.heads)

        q, k = dense("query"), dense("key")
        v = dense("value", kernel_init=lambda key, shape, dtype: jnp.eye(D, dtype=dtype))
        content = nn.softmax(attention_scores(q, k))  # [B, H, N, N]

        dy, dx = jnp.meshgrid(jnp.arange(h - 1, -h, -1), jnp.arange(w - 1, -w, -1), indexing="ij")
        offsets = jnp.stack([dx, dy, dx**2 + dy**2], axis=-1).astype(jnp.float32)
        local = nn.Dense(self.heads, kernel_init=self._local_kernel, name="locality")
        position = nn.softmax(relative_scores(local(offsets)))  # [H, N, N]

        gate = nn.sigmoid(self.param("gate", nn.initializers.ones, (self.heads,)))[:, None, None]
        weights = (1 - gate)[None] * content + (gate * position)[None]
        weights = (weights / weights.sum(axis=-1, keepdims=True)).astype(self.dtype)
        y = jnp.einsum("bnqk,bknd->bqnd", weights, v).reshape(x.shape)
        y = nn.Dense(D, dtype=self.dtype, name="proj")(y)
        return nn.Dropout(self.dropout, deterministic=not train)(y)

    def _local_kernel(self, key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike) -> jax.Array:
        """Initial kernel: head i + side * j attends to offset (j, i) from the middle."""
        kernel = nn.initializers.truncated_normal(0.02)(key, shape, dtype)
        side = int(self.heads**0.5)
        i, j = jnp.arange(side**2) % side, jnp.arange(side**2) // side
        middle = (side - 1) / 2
        local = jnp.stack([2 * (j - middle), 2 * (i - middle), -jnp.ones(side**2)])
        return self.locality * kernel.at[:, : side**2].set(local)
