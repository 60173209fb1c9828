"""The wrapper ReconNet of Lin and Heckel: pad and normalize, apply a network, invert both."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

SMALLEST_VARIANCE = 1e-30  # of an empty image, which must not become NaN


def reconnet(
    network: Callable[[jax.Array], jax.Array],
    image: jax.Array,
    multiple: tuple[int, int] = (1, 1),
) -> jax.Array:
    """Apply a network to the zero-padded, normalized image [B, H, W, C]; float32 in and out."""
    shape = image.shape[1:3]
    image, start = pad_to_multiple(image.astype(jnp.float32), multiple)
    mean = image.mean(axis=(1, 2, 3), keepdims=True)
    variance = image.var(axis=(1, 2, 3), keepdims=True, ddof=1)  # the padding counts too
    std = jnp.sqrt(jnp.maximum(variance, SMALLEST_VARIANCE))
    image = network((image - mean) / std).astype(jnp.float32) * std + mean
    return image[:, start[0] : start[0] + shape[0], start[1] : start[1] + shape[1]]


def pad_to_multiple(x: jax.Array, multiple: tuple[int, int]) -> tuple[jax.Array, tuple[int, int]]:
    """Zero-pad rows and columns on both sides, an odd one after; also return the image's start."""
    missing = [-size % n for size, n in zip(x.shape[1:3], multiple, strict=True)]
    before = (missing[0] // 2, missing[1] // 2)
    rows, columns = ((b, m - b) for b, m in zip(before, missing, strict=True))
    return jnp.pad(x, ((0, 0), rows, columns, (0, 0))), before
