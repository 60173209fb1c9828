"""The regularizer of the unrolled MR-IPT: a convolutional stem around an affordable transformer.

Full resolution is for few channels and 3x3 convolutions; attention and most channels work on
patches, along windows or whole lines. Every layer is modulated by the condition, which takes the
place of MR-IPT's prompt tokens and of its heads and tails per task.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.fields import field, required
from mript_jax.models.attention import SelfAttention, merge_windows, partition_windows
from mript_jax.models.base import check_heads, dtype_field
from mript_jax.models.layers import depth_to_space

MIXERS = ("conv", "window", "rows", "columns")
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
    """Attention over windows or lines, or a 3x3 convolution; then an MLP; both modulated."""

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

    Small patches keep every detail in channels: convolutions of 32 channels or more on a smaller
    grid are several times faster than those of few channels on the image's own.
    """

    features: int = required("channels of a fine patch", at_least=1)
    width: int = required("channels of a coarse patch", at_least=1)
    blocks: tuple[str, ...] = required(
        "how the coarse patches are mixed in each block", choices=MIXERS
    )
    dtype: str = dtype_field()
    fine: int = field(2, "pixels of a fine patch's side", at_least=1)
    coarse: int = field(2, "fine patches of a coarse patch's side", at_least=1)
    heads: int = field(4, "heads of attention", at_least=1)
    mlp_ratio: float = field(2.0, "hidden width of MLPs over the width", above=0)
    window: int = field(8, "coarse patches of a window's side", at_least=1)

    def validate(self) -> None:
        check_heads(self.width, self.heads)

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, train: bool = False) -> jax.Array:
        dtype, patch = jnp.dtype(self.dtype), self.fine * self.coarse
        H, W, channels = x.shape[1:]
        x = jnp.pad(x, ((0, 0), (0, -H % patch), (0, -W % patch), (0, 0))).astype(dtype)
        stem = nn.Conv(self.features, (3, 3), dtype=dtype, name="stem")(
            space_to_depth(x, self.fine)
        )
        stem = nn.gelu(Modulation(dtype, name="modulation_stem")(stem, condition))
        y = nn.Dense(self.width, dtype=dtype, name="down")(space_to_depth(stem, self.coarse))
        for i, mixer in enumerate(self.blocks):
            y = MixerBlock(
                mixer,
                heads=self.heads,
                mlp_ratio=self.mlp_ratio,
                window=self.window,
                dtype=dtype,
                name=f"block_{i}",
            )(y, condition, train)
        y = nn.Dense(self.features * self.coarse**2, dtype=dtype, name="up")(y)
        y = stem + depth_to_space(y, (self.coarse, self.coarse))
        y = nn.gelu(nn.Conv(self.features, (3, 3), dtype=dtype, name="merge")(y))
        y = nn.Dense(channels * self.fine**2, kernel_init=SMALL_INIT, dtype=dtype, name="out")(y)
        return depth_to_space(y, (self.fine, self.fine))[:, :H, :W]
