"""fastMRI's U-Net, in the wrapper of Lin and Heckel (here without padding)."""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from mript_jax.batch import Batch
from mript_jax.fields import field, required
from mript_jax.models.base import ReconstructionModel, dtype_field, iterations_field
from mript_jax.models.consistency import fields_for, reconstruct
from mript_jax.models.layers import PatchExpand
from mript_jax.models.wrapper import reconnet

EPSILON = 1e-5
SLOPE = 0.2


class ConvBlock(nn.Module):
    """Twice: 3x3 convolution, instance norm, LeakyReLU, dropout of whole channels."""

    features: int
    dtype: DTypeLike
    dropout: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        for i in range(2):
            x = nn.Conv(self.features, (3, 3), use_bias=False, dtype=self.dtype, name=f"conv_{i}")(
                x
            )
            x = nn.leaky_relu(instance_norm(x), SLOPE)
            x = nn.Dropout(self.dropout, broadcast_dims=(1, 2), deterministic=not train)(x)
        return x


class UNet(ReconstructionModel):
    """The U-Net: zero-filled magnitude images [B, H, W, 1] -> reconstructed images."""

    features: int = required(
        "channels of the first level; each next one has twice as many", at_least=1
    )
    pools: int = required("levels below the first, each of half the size", at_least=1)
    dtype: str = dtype_field()
    dropout: float = field(
        0.0, "probability of dropping a channel in training", at_least=0, below=1
    )
    iterations: int = iterations_field()

    multi_coil: ClassVar[bool] = True

    @nn.compact
    def __call__(self, zero_filled: jax.Array, train: bool = False) -> jax.Array:
        return reconnet(lambda x: self._network(x, train), zero_filled)

    def batch_fields(self) -> tuple[str, ...]:
        return fields_for(self.iterations)

    def predict(self, batch: Batch, train: bool = False) -> jax.Array:
        return reconstruct(lambda image: self(image, train), batch, self.iterations)

    def _network(self, x: jax.Array, train: bool) -> jax.Array:
        dtype, channels = jnp.dtype(self.dtype), x.shape[-1]

        def block(level, name):
            return ConvBlock(self.features * 2**level, dtype, self.dropout, name=name)

        skips = []
        for level in range(self.pools):
            x = block(level, f"down_{level}")(x, train)
            skips.append(x)
            x = nn.avg_pool(x, (2, 2), strides=(2, 2))
        x = block(self.pools, "bottom")(x, train)
        for level in reversed(range(self.pools)):
            x = PatchExpand(
                self.features * 2**level, use_bias=False, dtype=dtype, name=f"upsample_{level}"
            )(x)
            x = nn.leaky_relu(instance_norm(x), SLOPE)
            skip = skips[level]  # of an odd size, it has a row or column more
            rows, columns = (skip.shape[axis] - x.shape[axis] for axis in (1, 2))
            x = jnp.pad(x, ((0, 0), (0, rows), (0, columns), (0, 0)), mode="reflect")
            x = block(level, f"up_{level}")(jnp.concatenate([x, skip], axis=-1), train)
        return nn.Conv(channels, (1, 1), dtype=jnp.float32, name="out")(x)


def instance_norm(x: jax.Array) -> jax.Array:
    """Normalize each channel of each image to mean 0 and variance 1, in float32."""
    y = x.astype(jnp.float32)
    mean = y.mean(axis=(1, 2), keepdims=True)
    variance = y.var(axis=(1, 2), keepdims=True)
    return ((y - mean) * jax.lax.rsqrt(variance + EPSILON)).astype(x.dtype)
