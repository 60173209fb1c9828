"""The ViT of SimMIM: class token, a relative position bias shared by all blocks, layer scale."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from mript_jax.models.attention import SelfAttention, relative_scores
from mript_jax.models.layers import LayerNorm, PatchEmbed, TransformerBlock, drop_path_rates
from mript_jax.models.masking import MaskToken

EPSILON = 1e-6
LAYER_SCALE = 0.1


class MaskedViT(nn.Module):
    """Images [B, H, W, C] with tokens hidden at [B, h, w] -> features [B, h, w, D]."""

    grid: tuple[int, int]  # of tokens, the size of the position bias
    patch: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    dropout: float
    drop_path: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, hidden: jax.Array, train: bool) -> jax.Array:
        x = PatchEmbed((self.patch, self.patch), self.width, self.dtype, name="patch_embed")(x)
        x = MaskToken(name="mask_token")(x, hidden)
        B, h, w, D = x.shape
        start = nn.initializers.truncated_normal(0.02)
        token = self.param("class_token", start, (D,)).astype(self.dtype)
        x = jnp.concatenate([jnp.broadcast_to(token, (B, 1, D)), x.reshape(B, h * w, D)], axis=1)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        bias = self._bias((h, w))
        attention = partial(SelfAttention, heads=self.heads, dtype=self.dtype, dropout=self.dropout)
        for i, rate in enumerate(drop_path_rates(self.drop_path, self.depth)):
            x = TransformerBlock(
                attention,
                int(D * self.mlp_ratio),
                epsilon=EPSILON,
                dtype=self.dtype,
                dropout=self.dropout,
                drop_path=rate,
                layer_scale=LAYER_SCALE,
                name=f"block_{i}",
            )(x, train, bias=bias)
        x = LayerNorm(EPSILON, self.dtype, name="norm")(x)
        return x[:, 1:].reshape(B, h, w, D)

    def _bias(self, grid: tuple[int, int]) -> jax.Array:
        """The bias [heads, 1 + N, 1 + N] for the grid in use, the class token first."""
        zeros, heads = nn.initializers.zeros, self.heads
        shape = tuple(2 * n - 1 for n in self.grid)
        table = self.param("relative", zeros, (*shape, heads))
        table = jax.image.resize(
            table, (*(2 * n - 1 for n in grid), heads), "bilinear", antialias=False
        )
        bias = relative_scores(table)  # [heads, N, N]
        N = bias.shape[-1]
        of_class = self.param("relative_class", zeros, (3, heads))[:, :, None, None]
        to_tokens, from_tokens, itself = of_class
        top = jnp.concatenate([itself, jnp.broadcast_to(to_tokens, (heads, 1, N))], axis=2)
        rest = jnp.concatenate([jnp.broadcast_to(from_tokens, (heads, N, 1)), bias], axis=2)
        return jnp.concatenate([top, rest], axis=1)
