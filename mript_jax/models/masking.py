"""What a masked model does not see: random cells, or tokens in which nothing was measured."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp


class MaskToken(nn.Module):
    """Puts a learned token in the place of hidden ones."""

    @nn.compact
    def __call__(self, x: jax.Array, hidden: jax.Array) -> jax.Array:
        """Tokens [B, h, w, D], `hidden` [B, h, w] is 1 where they are replaced."""
        token = self.param("token", nn.initializers.truncated_normal(0.02), x.shape[-1:])
        return jnp.where(hidden[..., None] > 0, token.astype(x.dtype), x)


def random_cells(
    key: jax.Array, batch: int, shape: tuple[int, int], cell: int, ratio: float
) -> jax.Array:
    """Hides a share of the cells of `cell` x `cell` pixels, as many in each image: [B, H, W]."""
    h, w = (-(-n // cell) for n in shape)
    order = jax.random.uniform(key, (batch, h * w)).argsort(axis=1).argsort(axis=1)
    hidden = (order < math.ceil(h * w * ratio)).astype(jnp.float32)
    return tokens_to_pixels(hidden.reshape(batch, h, w), cell)[:, : shape[0], : shape[1]]


def unmeasured_tokens(mask: jax.Array, patch: int) -> jax.Array:
    """1 for tokens of whose patch nothing was measured: [B, H, W] -> [B, h, w]."""
    B, H, W = mask.shape
    measured = mask.reshape((B, H // patch, patch, W // patch, patch)).max(axis=(2, 4))
    return 1.0 - (measured > 0)


def tokens_to_pixels(tokens: jax.Array, patch: int) -> jax.Array:
    """A value per token to its pixels: [B, h, w] -> [B, H, W]."""
    return tokens.repeat(patch, axis=1).repeat(patch, axis=2)
