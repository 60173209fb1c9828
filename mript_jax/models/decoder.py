"""MR-IPT's decoder: Segment Anything's two-way transformer between prompt and image, upscaled."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from mript_jax.models.attention import Attention
from mript_jax.models.layers import LayerNorm, Mlp, PatchExpand, exact_gelu

EPSILON = 1e-5
NEAR_ZERO_INIT = nn.initializers.variance_scaling(
    1e-4, "fan_in", "truncated_normal"
)  # the decoder starts near zero


class GridEncoding(nn.Module):
    """Fixed random Fourier features of grid positions: [h * w, C]."""

    width: int

    @nn.compact
    def __call__(self, shape: tuple[int, int]) -> jax.Array:
        gaussian = self.param("gaussian", nn.initializers.normal(1.0), (2, self.width // 2))
        gaussian = jax.lax.stop_gradient(gaussian)
        y, x = ((jnp.arange(n) + 0.5) / n for n in shape)
        where = jnp.stack(jnp.broadcast_arrays(x[None, :], y[:, None]), axis=-1)  # [h, w, 2]
        angle = 2 * jnp.pi * (2 * where - 1) @ gaussian
        return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], -1).reshape(-1, self.width)


class TwoWayLayer(nn.Module):
    """Prompt tokens attend to themselves and the image, the image attends to the tokens."""

    heads: int
    hidden: int
    downsample: int
    first: bool
    dtype: DTypeLike

    @nn.compact
    def __call__(
        self, queries: jax.Array, keys: jax.Array, prompt: jax.Array, encoding: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        C = queries.shape[-1]

        def attention(width, name):
            return Attention(self.heads, width, self.dtype, name=name)

        def norm(x, name):
            return LayerNorm(EPSILON, self.dtype, name=name)(x)

        attend_self = attention(C, "self_attention")
        if self.first:
            queries = attend_self(queries, queries, queries)
        else:
            q = queries + prompt
            queries = queries + attend_self(q, q, queries)
        queries = norm(queries, "norm_self")
        to_image = attention(C // self.downsample, "token_to_image")
        queries = queries + to_image(queries + prompt, keys + encoding, keys)
        queries = norm(queries, "norm_token")
        queries = queries + Mlp(self.hidden, nn.relu, self.dtype, name="mlp")(queries)
        queries = norm(queries, "norm_mlp")
        to_token = attention(C // self.downsample, "image_to_token")
        keys = keys + to_token(keys + encoding, queries + prompt, queries)
        return queries, norm(keys, "norm_image")


class Decoder(nn.Module):
    """Image tokens [B, h, w, C] and prompt tokens [B, T, C] -> [B, h * 2^s, w * 2^s, C / 2^s]."""

    depth: int
    heads: int
    hidden: int
    downsample: int
    stages: int
    dtype: DTypeLike

    @nn.compact
    def __call__(self, image: jax.Array, prompt: jax.Array) -> jax.Array:
        B, h, w, C = image.shape
        encoding = GridEncoding(C, name="grid_encoding")((h, w)).astype(self.dtype)[None]
        prompt = prompt.astype(self.dtype)
        queries, keys = prompt, image.reshape(B, h * w, C)
        for i in range(self.depth):
            layer = TwoWayLayer(
                self.heads,
                hidden=self.hidden,
                downsample=self.downsample,
                first=i == 0,
                dtype=self.dtype,
                name=f"layer_{i}",
            )
            queries, keys = layer(queries, keys, prompt, encoding)
        x = keys.reshape(B, h, w, C)
        for i in range(self.stages):
            C, last = C // 2, i == self.stages - 1
            x = PatchExpand(
                C,
                dtype=self.dtype,
                kernel_init=NEAR_ZERO_INIT if last else nn.initializers.lecun_normal(),
                name=f"upscale_{i}",
            )(x)
            if not last:
                x = LayerNorm(1e-6, self.dtype, name=f"upscale_norm_{i}")(x)
            x = exact_gelu(x)
        return x
