"""The ViT reconstructor of Lin and Heckel (MIDL 2022), for images of any size."""

from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.batch import Batch
from mript_jax.fields import field, required
from mript_jax.models.attention import GatedPositionalAttention, SelfAttention
from mript_jax.models.base import (
    PIXELS,
    ReconstructionModel,
    check_heads,
    dtype_field,
    iterations_field,
)
from mript_jax.models.consistency import fields_for, reconstruct
from mript_jax.models.layers import (
    LayerNorm,
    PatchEmbed,
    TransformerBlock,
    depth_to_space,
    drop_path_rates,
)
from mript_jax.models.wrapper import reconnet
from mript_jax.sizes import height_width

EPSILON = 1e-5


class ReconViT(ReconstructionModel):
    """The ViT reconstructor: zero-filled magnitude images [B, H, W, 1] -> reconstructed images.

    With square patches of 16 and many blocks it is the ViT baseline of the MR-IPT paper.
    """

    image_size: int | tuple[int, int] = required(
        "size in pixels of the position embedding; other image sizes work too", **PIXELS
    )
    patch_size: int | tuple[int, int] = required("side of a token in pixels", **PIXELS)
    width: int = required("channels of a token", at_least=1)
    depth: int = required("transformer blocks", at_least=1)
    heads: int = required("heads of attention; they share the width", at_least=1)
    mlp_ratio: float = required("hidden width of the MLPs over the width", above=0)
    dtype: str = dtype_field()
    qkv_bias: bool = field(False, "biases of queries, keys and values")
    gpsa: tuple[int, int] = field(
        (-1, -1),
        "first and last block, from 1, with gated positional attention; -1: none",
        at_least=-1,
    )
    locality: float = field(1.0, "inverse width of initial gated positional attention", at_least=0)
    dropout: float = field(0.0, "probability of dropping a value in training", at_least=0, below=1)
    drop_path: float = field(
        0.0, "probability that an image skips the last block in training", at_least=0, below=1
    )
    iterations: int = iterations_field()

    multi_coil: ClassVar[bool] = True

    def validate(self) -> None:
        check_heads(self.width, self.heads)

    @nn.compact
    def __call__(self, zero_filled: jax.Array, train: bool = False) -> jax.Array:
        return reconnet(
            lambda x: self._network(x, train), zero_filled, height_width(self.patch_size)
        )

    def batch_fields(self) -> tuple[str, ...]:
        return fields_for(self.iterations)

    def predict(self, batch: Batch, train: bool = False) -> jax.Array:
        return reconstruct(lambda image: self(image, train), batch, self.iterations)

    def _network(self, x: jax.Array, train: bool) -> jax.Array:
        dtype, patch = jnp.dtype(self.dtype), height_width(self.patch_size)
        channels = x.shape[-1]
        x = PatchEmbed(patch, self.width, dtype, name="patch_embed")(x)  # [B, h, w, D]
        _, h, w, _ = x.shape
        x = x + self._position((h, w)).astype(dtype)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)

        shared: dict[str, Any] = {"heads": self.heads, "qkv_bias": self.qkv_bias, "dtype": dtype}
        plain = partial(SelfAttention, dropout=self.dropout, **shared)
        gated = partial(
            GatedPositionalAttention, dropout=self.dropout, locality=self.locality, **shared
        )
        for i, rate in enumerate(drop_path_rates(self.drop_path, self.depth)):
            x = TransformerBlock(
                gated if self.gpsa[0] <= i + 1 <= self.gpsa[1] else plain,
                int(self.width * self.mlp_ratio),
                epsilon=EPSILON,
                dtype=dtype,
                dropout=self.dropout,
                drop_path=rate,
                name=f"block_{i}",
            )(x, train)
        x = LayerNorm(EPSILON, dtype, name="norm")(x)
        pixels = nn.Dense(channels * patch[0] * patch[1], dtype=jnp.float32, name="head")(x)
        return depth_to_space(pixels, patch)  # [B, H, W, C]

    def _position(self, grid: tuple[int, int]) -> jax.Array:
        """The position embedding, resized to the grid in use."""
        own_grid = [
            size // patch
            for size, patch in zip(
                height_width(self.image_size), height_width(self.patch_size), strict=True
            )
        ]
        shape = (1, *own_grid, self.width)
        table = self.param("position", nn.initializers.truncated_normal(0.02), shape)
        return jax.image.resize(table, (1, *grid, self.width), "bilinear", antialias=False)
