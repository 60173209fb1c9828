"""MR-IPT's encoder: a ViTDet image encoder, windowed blocks with a few global ones, and its neck.

The blocks repeat in a short pattern (six blocks at paper scale: five windowed, one global). They
are stored as one group of blocks whose parameters have a leading axis, [repetitions, ...], and
`nn.scan` runs over it, so that the group is compiled once.
"""

from typing import Any

import flax.linen as nn
import jax
from jax.typing import DTypeLike

from mript_jax.errors import unknown_name_error
from mript_jax.models.attention import (
    RelativePositionAttention,
    merge_windows,
    partition_windows,
)
from mript_jax.models.layers import LayerNorm, Mlp, PatchEmbed, convolve_patches

EPSILON = 1e-6

# Rematerialization: what is saved of a block for the backward pass.
REMAT = {
    "none": None,  # everything
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,  # outputs of dense layers
    "full": jax.checkpoint_policies.nothing_saveable,  # only the block's input
}


def pattern_length(depth: int, global_blocks: tuple[int, ...]) -> int:
    """The number of blocks after which the pattern of windowed and global blocks repeats."""
    is_global = [i in global_blocks for i in range(depth)]
    return next(
        n
        for n in range(1, depth + 1)
        if depth % n == 0 and is_global == is_global[:n] * (depth // n)
    )


class Block(nn.Module):
    """Pre-norm transformer block on a grid; `window` 0 is attention over the whole grid."""

    heads: int
    hidden: int
    window: int
    grid: tuple[int, int]
    dtype: DTypeLike
    attention: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        _, h, w, _ = x.shape
        y = LayerNorm(EPSILON, self.dtype, name="norm_attention")(x)
        if self.window:
            y = partition_windows(y, self.window)
        grid = (self.window, self.window) if self.window else self.grid
        y = RelativePositionAttention(
            self.heads, grid, self.dtype, self.attention, name="attention"
        )(y)
        if self.window:
            y = merge_windows(y, (h, w))
        x = x + y
        y = LayerNorm(EPSILON, self.dtype, name="norm_mlp")(x)
        return x + Mlp(self.hidden, dtype=self.dtype, name="mlp")(y)


class Group(nn.Module):
    """One repetition of the pattern; a window for each block."""

    windows: tuple[int, ...]
    heads: int
    hidden: int
    grid: tuple[int, int]
    dtype: DTypeLike
    attention: str
    remat: str
    scanned: bool

    @nn.compact
    def __call__(self, x: jax.Array, _: None) -> tuple[jax.Array, None]:
        block = Block
        if self.remat != "none":
            # A scan's body cannot be merged with its recomputation, so nothing must prevent it.
            block = nn.remat(Block, policy=REMAT[self.remat], prevent_cse=not self.scanned)
        for i, window in enumerate(self.windows):
            x = block(
                self.heads,
                hidden=self.hidden,
                window=window,
                grid=self.grid,
                dtype=self.dtype,
                attention=self.attention,
                name=f"block_{i}",
            )(x)
        return x, None


class Encoder(nn.Module):
    """Image features [B, H, W, F] -> [B, h, w, C]."""

    grid: tuple[int, int]  # of tokens, the size of the position tables
    patch: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    window: int
    global_blocks: tuple[int, ...]
    out_width: int
    dtype: DTypeLike
    attention: str
    remat: str
    scan_blocks: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = PatchEmbed((self.patch, self.patch), self.width, self.dtype, name="patch_embed")(x)
        position = self.param("position", nn.initializers.zeros, (1, *self.grid, self.width))
        if self.grid != x.shape[1:3]:
            position = jax.image.resize(position, (1, *x.shape[1:]), "bilinear", antialias=False)
        x = x + position.astype(self.dtype)  # [B, h, w, D]
        x = self._blocks(x)
        conv: dict[str, Any] = {"use_bias": False, "dtype": self.dtype}
        each: dict[str, Any] = conv | {"conv_general_dilated": convolve_patches}  # patches of 1
        x = nn.Conv(self.out_width, (1, 1), name="neck_reduce", **each)(x)
        x = LayerNorm(EPSILON, self.dtype, name="neck_norm_0")(x)
        x = nn.Conv(self.out_width, (3, 3), name="neck_mix", **conv)(x)
        return LayerNorm(EPSILON, self.dtype, name="neck_norm_1")(x)

    def _blocks(self, x: jax.Array) -> jax.Array:
        if self.remat not in REMAT:
            raise unknown_name_error("config.model.remat", self.remat, REMAT)
        length = pattern_length(self.depth, self.global_blocks)
        repetitions = self.depth // length
        # Only inside a scan does rematerialization save memory; elsewhere unrolled is faster.
        scanned = self.scan_blocks or self.remat != "none"
        groups = nn.scan(
            Group,
            variable_axes={"params": 0, "intermediates": 0},
            split_rngs={"params": True},
            in_axes=nn.broadcast,
            length=repetitions,
            unroll=1 if scanned else repetitions,
        )(
            windows=tuple(0 if i in self.global_blocks else self.window for i in range(length)),
            heads=self.heads,
            hidden=int(self.width * self.mlp_ratio),
            grid=self.grid,
            dtype=self.dtype,
            attention=self.attention,
            remat=self.remat,
            scanned=scanned and repetitions > 1,
            name="groups",
        )
        return groups(x, None)[0]
