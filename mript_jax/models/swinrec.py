"""SwinRec, MIMMRI's SwinIR: residual groups of Swin blocks at full resolution."""

import flax.linen as nn
import jax
from jax.typing import DTypeLike

from mript_jax.models.layers import LayerNorm, PositionEmbedding, drop_path_rates
from mript_jax.models.masking import MaskToken
from mript_jax.models.swin import EPSILON, Stage, fit_window


class SwinRec(nn.Module):
    """Images [B, H, W, C] with tokens (here: pixels) hidden at [B, H, W] -> features [B, H, W, D].

    Hidden pixels must be zero in the image already: the first convolution mixes neighbours.
    """

    grid: tuple[int, int]  # for which windows and position embedding have their size
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
        def conv(x, name):
            return nn.Conv(self.width, (3, 3), dtype=self.dtype, name=name)(x)

        shallow = conv(x, "conv_first")
        x = LayerNorm(EPSILON, self.dtype, name="patch_norm")(shallow)
        x = MaskToken(name="mask_token")(x, hidden)
        if self.position_embedding:
            x = PositionEmbedding(self.grid, name="position")(x)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        rates, first = drop_path_rates(self.drop_path, sum(self.depths)), 0
        for i, (depth, heads) in enumerate(zip(self.depths, self.heads, strict=True)):
            window, shift = fit_window(self.window, self.grid)
            blocks = Stage(
                first,
                heads,
                window=window,
                shift=shift,
                mlp_ratio=self.mlp_ratio,
                drop_path=rates[first : first + depth],
                dropout=self.dropout,
                dtype=self.dtype,
                name=f"stage_{i}",
            )
            x = x + conv(blocks(x, train), f"conv_{i}")
            first += depth
        x = LayerNorm(EPSILON, self.dtype, name="norm")(x)
        return conv(x, "conv_last") + shallow
