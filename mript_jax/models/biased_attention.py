"""Softmax attention on a grid with a decomposed relative position bias, in equivalent forms.

The score of a query with a key at row i and column j is q . k / sqrt(d) + rows[i] + columns[j],
where `rows` and `columns` belong to the query. The forms differ in memory and speed (figures in
docs/mript_performance.md): `explicit` stores all scores, `chunked` those of a few queries at a
time, `folded` none where a flash-attention kernel is available, `blockwise` none on a single CPU.
"""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from mript_jax.errors import unknown_name_error
from mript_jax.models.blockwise_attention import blockwise
from mript_jax.target import current_target

SMALL_GRID = 1024  # tokens up to which storing all scores is cheap
CHUNK = 256  # queries at a time, at most (a single row of the grid may be longer)
SMALLEST_FLASH = 128  # tokens from which a flash kernel is used, one tile of it
MULTIPLE = 8  # cuDNN needs head sizes that are multiples of it
LARGEST_HEAD = {9: 256}  # of cuDNN's backward pass by compute capability; others from 8 on: 128

Form = Callable[..., jax.Array]  # of q, k, v, rows and columns


def biased_attention(
    q: jax.Array, k: jax.Array, v: jax.Array, rows: jax.Array, columns: jax.Array, form: str
) -> jax.Array:
    """q, k, v [B, N, H, d], rows [B, N, H, h], columns [B, N, H, w] with N = h * w -> [B, N, H, d].

    `form` is a key of FORMS, or "auto" for the best form for the grid and the device.
    """
    if form == "auto":
        form = _suitable_form(q, rows, columns)
    if form not in FORMS:
        raise unknown_name_error("config.model.attention", form, (*FORMS, "auto"))
    return FORMS[form](q, k, v, rows=rows, columns=columns)


def explicit(
    q: jax.Array, k: jax.Array, v: jax.Array, rows: jax.Array, columns: jax.Array
) -> jax.Array:
    """Compute all scores at once, in float32."""
    scores = jnp.einsum("bqnd,bknd->bnqk", q, k, preferred_element_type=jnp.float32)
    grid = (*scores.shape[:3], rows.shape[-1], columns.shape[-1])
    rows, columns = (jnp.swapaxes(x, 1, 2).astype(jnp.float32) for x in (rows, columns))
    bias = rows[..., :, None] + columns[..., None, :]  # [B, H, Q, h, w]
    scores = scores.reshape(grid) * q.shape[-1] ** -0.5 + bias
    weights = jax.nn.softmax(scores.reshape(*grid[:3], -1)).astype(v.dtype)
    return jnp.einsum("bnqk,bknd->bqnd", weights, v)


def chunked(
    q: jax.Array, k: jax.Array, v: jax.Array, rows: jax.Array, columns: jax.Array
) -> jax.Array:
    """Process whole rows of queries one chunk at a time, with rematerialization."""
    h, w = rows.shape[-1], columns.shape[-1]
    chunk = max(n for n in range(1, h + 1) if h % n == 0 and (n == 1 or n * w <= CHUNK))

    def cut(x):  # [B, N, ...] -> [chunks, B, queries, ...]
        return jnp.moveaxis(x.reshape(x.shape[0], h // chunk, chunk * w, *x.shape[2:]), 1, 0)

    @jax.checkpoint
    def attend(part):
        q, rows, columns = part
        return explicit(q, k, v, rows=rows, columns=columns)

    out = jax.lax.map(attend, (cut(q), cut(rows), cut(columns)))
    return jnp.moveaxis(out, 0, 1).reshape(q.shape)


def folded(
    q: jax.Array, k: jax.Array, v: jax.Array, rows: jax.Array, columns: jax.Array
) -> jax.Array:
    """One dot product: [q / sqrt(d), rows, columns] . [k, one-hot row, one-hot column]."""
    h, w, d = rows.shape[-1], columns.shape[-1], q.shape[-1]
    padding = _folded_size(d, h, w) - d - h - w
    q = jnp.concatenate([q * d**-0.5, rows, columns], axis=-1).astype(v.dtype)
    row, column = jnp.divmod(jnp.arange(h * w), w)
    where = jnp.concatenate([jax.nn.one_hot(row, h), jax.nn.one_hot(column, w)], axis=-1)
    where = jnp.broadcast_to(where[None, :, None].astype(v.dtype), (*k.shape[:3], h + w))
    k = jnp.concatenate([k, where], axis=-1)
    q, k = (jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, padding))) for x in (q, k))
    v = jnp.pad(v, ((0, 0), (0, 0), (0, 0), (0, q.shape[-1] - d)))
    flash: Literal["cudnn"] | None = "cudnn" if _flash_serves(v.dtype, q.shape[-1]) else None
    return jax.nn.dot_product_attention(q, k, v, scale=1.0, implementation=flash)[..., :d]


FORMS: dict[str, Form] = {
    "explicit": explicit,
    "chunked": chunked,
    "folded": folded,
    "blockwise": blockwise,
}


def _suitable_form(q: jax.Array, rows: jax.Array, columns: jax.Array) -> str:
    target = current_target()
    one_cpu = target.platform == "cpu" and target.devices == 1
    if one_cpu and isinstance(q.shape[0], int):  # an exported program has a symbol for it
        return "blockwise"
    tokens, size = q.shape[1], _folded_size(q.shape[-1], rows.shape[-1], columns.shape[-1])
    if tokens >= SMALLEST_FLASH and _flash_serves(q.dtype, size):
        return "folded"
    return "explicit" if tokens <= SMALL_GRID else "chunked"


def _folded_size(d: int, h: int, w: int) -> int:
    return -(-(d + h + w) // MULTIPLE) * MULTIPLE


def _flash_serves(dtype: DTypeLike, head_size: int) -> bool:
    """True if cuDNN has a flash kernel for it, forward and backward, on the target."""
    generation = int(current_target().compute_capability)  # 0: not an NVIDIA GPU
    largest = LARGEST_HEAD.get(generation, 128 if generation >= 8 else 0)
    return jnp.dtype(dtype).itemsize == 2 and head_size <= largest
