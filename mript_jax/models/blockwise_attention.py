"""Attention with a decomposed relative position bias, block by block, for a single CPU.

A block is a few samples, or some queries of one, whose scores fit into the processor's cache. The
backward pass computes its scores again, from the logarithm of each query's sum of exponentials
(Rabe and Staats, arXiv 2112.05682; Dao et al., arXiv 2205.14135), so that no scores are stored.
It sums the gradients of keys and values as [d, N]: the scores are then the right factor of a
product, as they are, where XLA's CPU backend is slow with a left factor that it must transpose.
"""

import functools

import jax
import jax.numpy as jnp

# Of some samples q, scaled, k, v, rows and columns, each [b, H, N, n].
Part = tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array]

BLOCK = 2**20  # scores of a block, at most (a single row of queries may have more): 4 MB


def blockwise(
    q: jax.Array, k: jax.Array, v: jax.Array, rows: jax.Array, columns: jax.Array
) -> jax.Array:
    """One form of `biased_attention`, with its shapes; the number of samples is a plain number."""
    B, N, H, d = q.shape
    h, w = rows.shape[-1], columns.shape[-1]
    samples = _largest_divisor(B, BLOCK // (H * N * N))
    queries = _largest_divisor(h, BLOCK // (H * w * N)) * w

    def group(x: jax.Array) -> jax.Array:  # [B, N, H, n] -> [B / samples, samples, H, N, n]
        return jnp.swapaxes(x, 1, 2).reshape((-1, samples, H, N, x.shape[-1]))

    parts = tuple(group(x) for x in (q * d**-0.5, k, v, rows, columns))
    out = jax.lax.map(lambda part: _attention(queries, part), parts)
    return jnp.swapaxes(out.reshape(B, H, N, d), 1, 2)


def _largest_divisor(number: int, most: int) -> int:
    """The largest divisor of `number` up to `most`, at least 1."""
    return max(n for n in range(1, number + 1) if number % n == 0 and (n == 1 or n <= most))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attention(queries: int, part: Part) -> jax.Array:
    """Attention of some samples, `queries` at a time, to [b, H, N, d]."""
    return _forward(queries, part)[0]


def _forward(queries: int, part: Part) -> tuple[jax.Array, tuple]:
    q, k, v, rows, columns = part

    def attend(part: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        scores = _scores(part[0], k, *part[1:])
        largest = scores.max(axis=-1, keepdims=True)
        weights = jnp.exp(scores - largest)
        total = weights.sum(axis=-1, keepdims=True)
        out = jnp.einsum("bhqk,bhkd->bhqd", weights.astype(v.dtype), v)
        return (out / total).astype(v.dtype), largest + jnp.log(total)

    parts = tuple(_cut(x, queries) for x in (q, rows, columns))
    out, logsumexp = (_join(x) for x in jax.lax.map(attend, parts))
    return out, (part, out, logsumexp)


def _backward(queries: int, saved: tuple, gradient: jax.Array) -> tuple[Part]:
    (q, k, v, rows, columns), out, logsumexp = saved
    gradient_out = jnp.sum(gradient * out, axis=-1, keepdims=True, dtype=jnp.float32)

    def differentiate(sums: tuple, part: tuple) -> tuple[tuple, tuple]:
        q, rows, columns, gradient, logsumexp, gradient_out = part
        weights = jnp.exp(_scores(q, k, rows, columns) - logsumexp)
        of_v = jnp.einsum("bhdq,bhqk->bhdk", _turned(gradient), weights.astype(v.dtype))
        of_weights = jnp.einsum("bhqd,bhkd->bhqk", gradient, v, preferred_element_type=jnp.float32)
        of_scores = weights * (of_weights - gradient_out)
        on_grid = of_scores.reshape(*of_scores.shape[:3], rows.shape[-1], columns.shape[-1])
        of_rows, of_columns = (on_grid.sum(axis=axis).astype(rows.dtype) for axis in (-1, -2))
        of_scores = of_scores.astype(v.dtype)
        of_q = jnp.einsum("bhqk,bhkd->bhqd", of_scores, k)
        of_k = jnp.einsum("bhdq,bhqk->bhdk", _turned(q), of_scores)
        return (sums[0] + of_k, sums[1] + of_v), (of_q, of_rows, of_columns)

    parts = tuple(_cut(x, queries) for x in (q, rows, columns, gradient, logsumexp, gradient_out))
    zeros = (jnp.zeros_like(_turned(k)), jnp.zeros_like(_turned(v)))
    (of_k, of_v), of_queries = jax.lax.scan(differentiate, zeros, parts)
    of_q, of_rows, of_columns = (_join(x) for x in of_queries)
    return ((of_q, _turned(of_k), _turned(of_v), of_rows, of_columns),)


_attention.defvjp(_forward, _backward)


def _scores(q: jax.Array, k: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """The scores [b, H, Q, N], in float32."""
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k, preferred_element_type=jnp.float32)
    grid = (*scores.shape[:3], rows.shape[-1], columns.shape[-1])
    rows, columns = (x.astype(jnp.float32) for x in (rows, columns))
    bias = rows[..., :, None] + columns[..., None, :]  # [b, H, Q, h, w]
    return (scores.reshape(grid) + bias).reshape(scores.shape)


def _turned(x: jax.Array) -> jax.Array:
    """Rows and columns exchanged: [b, H, N, d] -> [b, H, d, N]."""
    return jnp.swapaxes(x, -1, -2)


def _cut(x: jax.Array, queries: int) -> jax.Array:
    """[b, H, N, n] -> [N / queries, b, H, queries, n]."""
    return jnp.moveaxis(x.reshape(*x.shape[:2], -1, queries, x.shape[-1]), 2, 0)


def _join(parts: jax.Array) -> jax.Array:
    """Invert `_cut`."""
    x = jnp.moveaxis(parts, 0, 2)
    return x.reshape(*x.shape[:2], -1, x.shape[-1])
