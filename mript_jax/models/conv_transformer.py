"""The regularizer of the unrolled MR-IPT: a convolutional stem around an affordable transformer.

Full resolution is for few channels and 3x3 convolutions; attention and most channels work on
patches, along windows or whole lines. Every layer is modulated by the condition, which takes the
place of MR-IPT's prompt tokens and of its heads and tails per task.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.errors import UserError
from mript_jax.fields import field, required
from mript_jax.models.attention import SelfAttention, merge_windows, partition_windows
from mript_jax.models.base import check_heads, dtype_field
from mript_jax.models.layers import depth_to_space

MIXERS = ("conv", "window", "rows", "columns", "global")
SMALL_INIT = nn.initializers.normal(0.01)
EPSILON = 1e-6


def space_to_depth(x: jax.Array, patch: int) -> jax.Array:
    """Patches to channels: [B, H, W, C] -> [B, H / p, W / p, C p p], as depth_to_space has them."""
    B, H, W, C = x.shape
    x = x.reshape((B, H // patch, patch, W // patch, patch, C)).transpose((0, 1, 3, 5, 2, 4))
    return x.reshape(B, H // patch, W // patch, C * patch**2)


class Modulation(nn.Module):
    """Scale and shift of channels by the condition: FiLM; the identity before training."""

    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array) -> jax.Array:
        features = x.shape[-1]
        both = nn.Dense(2 * features, kernel_init=nn.initializers.zeros, name="dense")(condition)
        scale, shift = jnp.split(both[:, None, None].astype(self.dtype), 2, axis=-1)
        return x * (1 + scale) + shift


class MixerBlock(nn.Module):
    """Attention and an MLP, or a 3x3 convolution; each after a modulated norm."""

    mixer: str  # one of MIXERS
    heads: int
    mlp_ratio: float
    window: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, train: bool) -> jax.Array:
        D = x.shape[-1]
        y = self._normalized("mix", x, condition)
        if self.mixer == "conv":
            y = nn.gelu(nn.Conv(D, (3, 3), dtype=self.dtype, name="conv")(y))
            y = nn.Dense(D, kernel_init=SMALL_INIT, dtype=self.dtype, name="proj")(y)
            return x + y
        x = x + self._attend(y, train)
        y = self._normalized("mlp", x, condition)
        y = nn.gelu(nn.Dense(int(D * self.mlp_ratio), dtype=self.dtype, name="dense_in")(y))
        return x + nn.Dense(D, kernel_init=SMALL_INIT, dtype=self.dtype, name="dense_out")(y)

    def _normalized(self, name: str, x: jax.Array, condition: jax.Array) -> jax.Array:
        y = x.astype(jnp.float32)
        y = y * jax.lax.rsqrt(jnp.mean(jnp.square(y), axis=-1, keepdims=True) + EPSILON)
        return Modulation(self.dtype, name=f"modulation_{name}")(y.astype(self.dtype), condition)

    def _attend(self, x: jax.Array, train: bool) -> jax.Array:
        attention = SelfAttention(self.heads, dtype=self.dtype, name="attention")
        _, h, w, D = x.shape
        if self.mixer == "window":
            y = attention(partition_windows(x, self.window), train)
            return merge_windows(y, (h, w))
        if self.mixer == "global":
            return attention(x, train)
        if self.mixer == "columns":
            x = x.swapaxes(1, 2)
        y = attention(x.reshape(-1, x.shape[2], D), train).reshape(x.shape)
        return y.swapaxes(1, 2) if self.mixer == "columns" else y


class Regularizer(nn.Module):
    """Maps features [B, H, W, C] and a condition [B, K] to a correction of the features."""

    def __call__(self, x: jax.Array, condition: jax.Array, train: bool = False) -> jax.Array:
        raise NotImplementedError

    def validate(self) -> None:
        """Refuse fields that do not go together, with a UserError."""


class ConvTransformer(Regularizer):
    """Features [B, H, W, C] and a condition [B, K] -> their correction [B, H, W, C].

    A pyramid of patches, each level's twice as wide as those of the level before. Small patches
    keep every detail in channels: convolutions of 32 channels or more on a smaller grid are several
    times faster than those of few channels on the image's own.
    """

    widths: tuple[int, ...] = required("channels of each level, from the finest on", at_least=1)
    depths: tuple[int, ...] = required("blocks in each level", at_least=0)
    mixers: tuple[str, ...] = required(
        "mixing of patches in the blocks of each level", choices=MIXERS
    )
    dtype: str = dtype_field()
    patch_size: int = field(2, "pixels of the finest patches' side", at_least=1)
    heads: int = field(4, "heads of attention", at_least=1)
    mlp_ratio: float = field(2.0, "hidden width of MLPs over the width", above=0)
    window: int = field(8, "patches of a window's side", at_least=1)
    input_scale: float = field(
        1.0, "factor of the features, which are small numbers, before the first layer", above=0
    )

    def validate(self) -> None:
        if not len(self.widths) == len(self.depths) == len(self.mixers) > 0:
            raise UserError(
                f"config.model.network has widths={self.widths}, depths={self.depths} and "
                f"mixers={self.mixers}; each level needs one of each"
            )
        for width, depth, mixer in zip(self.widths, self.depths, self.mixers, strict=True):
            if depth and mixer != "conv":
                check_heads(width, self.heads)

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, train: bool = False) -> jax.Array:
        dtype = jnp.dtype(self.dtype)
        H, W, channels = x.shape[1:]
        coarsest = self.patch_size * 2 ** (len(self.widths) - 1)
        x = jnp.pad(x, ((0, 0), (0, -H % coarsest), (0, -W % coarsest), (0, 0))).astype(dtype)

        def conv(level: int, name: str) -> nn.Conv:
            return nn.Conv(self.widths[level], (3, 3), dtype=dtype, name=name)

        y = conv(0, "stem")(self.input_scale * space_to_depth(x, self.patch_size))
        y = nn.gelu(Modulation(dtype, name="modulation_stem")(y, condition))
        skips = []
        for level, width in enumerate(self.widths):
            if level:
                skips.append(y)
                y = nn.Dense(width, dtype=dtype, name=f"down_{level}")(space_to_depth(y, 2))
            for i in range(self.depths[level]):
                block = MixerBlock(
                    self.mixers[level],
                    heads=self.heads,
                    mlp_ratio=self.mlp_ratio,
                    window=self.window,
                    dtype=dtype,
                    name=f"level_{level}_block_{i}",
                )
                y = block(y, condition, train)
        for level in reversed(range(len(skips))):
            y = nn.Dense(4 * self.widths[level], dtype=dtype, name=f"up_{level}")(y)
            y = skips[level] + depth_to_space(y, (2, 2))
            y = nn.gelu(conv(level, f"merge_{level}")(y))
        out = nn.Dense(
            channels * self.patch_size**2, kernel_init=SMALL_INIT, dtype=jnp.float32, name="out"
        )
        return depth_to_space(out(y), (self.patch_size,) * 2)[:, :H, :W]
