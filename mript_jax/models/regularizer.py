"""The networks that can be an unrolled reconstruction's regularizer: `config.model.network`.

Each maps features [B, H, W, C] and a condition [B, K], which it may ignore, to a correction
[B, H, W, C] of the features.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.fields import field, required
from mript_jax.models.base import dtype_field
from mript_jax.models.conv_transformer import SMALL_INIT, ConvTransformer, Regularizer
from mript_jax.models.recon_vit import ReconViT
from mript_jax.models.unet import UNet


class ConvStack(Regularizer):
    """3x3 convolutions with ReLU between them, as in D5C5 and MoDL."""

    features: int = required("channels of each convolution but the last", at_least=1)
    depth: int = required("convolutions", at_least=1)
    dtype: str = dtype_field()
    input_scale: float = field(
        1.0,
        "factor of the features before the first layer, whose first weights are smaller by as much",
        above=0,
    )

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, train: bool = False) -> jax.Array:
        channels, dtype = x.shape[-1], jnp.dtype(self.dtype)
        x = self.input_scale * x
        for i in range(self.depth - 1):
            variance = 1.0 if i else self.input_scale**-2  # 1 is Flax's default
            init = nn.initializers.variance_scaling(variance, "fan_in", "truncated_normal")
            conv = nn.Conv(self.features, (3, 3), dtype=dtype, kernel_init=init, name=f"conv_{i}")
            x = nn.relu(conv(x))
        # The correction itself is float32: bfloat16 would round the image.
        return nn.Conv(channels, (3, 3), dtype=jnp.float32, kernel_init=SMALL_INIT, name="out")(x)


class UNetRegularizer(UNet):
    """The U-Net, which ignores the condition."""

    def __call__(  # type: ignore[override]  # a regularizer is given a condition too
        self, x: jax.Array, condition: jax.Array, train: bool = False
    ) -> jax.Array:
        return super().__call__(x, train)


class ReconViTRegularizer(ReconViT):
    """The ViT reconstructor, which ignores the condition."""

    def __call__(  # type: ignore[override]  # a regularizer is given a condition too
        self, x: jax.Array, condition: jax.Array, train: bool = False
    ) -> jax.Array:
        return super().__call__(x, train)


NETWORKS: dict[str, type[nn.Module]] = {
    "conv_transformer": ConvTransformer,
    "conv": ConvStack,
    "unet": UNetRegularizer,
    "recon_vit": ReconViTRegularizer,
}
