"""Masks of masked modelling: random cells, or tokens without measured samples."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp


class MaskToken(nn.Module):
    """Replace hidden tokens by a learned one."""

    @nn.compact
    def __call__(self, x: jax.Array, hidden: jax.Array) -> jax.Array:
        """[B, h, w, D] -> [B, h, w, D]; `hidden` [B, h, w] is 1 where tokens are replaced."""
        token = self.param("token", nn.initializers.truncated_normal(0.02), x.shape[-1:])
        return jnp.where(hidden[..., None] > 0, token.astype(x.dtype), x)


def random_cells(
    key: jax.Array, batch: int, shape: tuple[int, int], cell: int, ratio: float
) -> jax.Array:
    """Hide a share `ratio` of the cells of `cell` x `cell` pixels of each image: 1 in [B, H, W]."""
    h, w = (-(-n // cell) for n in shape)
    order = jax.random.uniform(key, (batch, h * w)).argsort(axis=1).argsort(axis=1)
    hidden = (order < math.ceil(h * w * ratio)).astype(jnp.float32)
    return tokens_to_pixels(hidden.reshape(batch, h, w), cell)[:, : shape[0], : shape[1]]


def unmeasured_tokens(mask: jax.Array, patch: int) -> jax.Array:
    """1 for tokens whose patch has no measured sample: [B, H, W] -> [B, h, w]."""
    B, H, W = mask.shape
    measured = mask.reshape((B, H // patch, patch, W // patch, patch)).max(axis=(2, 4))
    return 1.0 - (measured > 0)


def tokens_to_pixels(tokens: jax.Array, patch: int) -> jax.Array:
    """Repeat the value of each token over its pixels: [B, h, w] -> [B, H, W]."""
    return tokens.repeat(patch, axis=1).repeat(patch, axis=2)
