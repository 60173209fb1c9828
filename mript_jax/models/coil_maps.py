"""Coil sensitivity maps inside a network: from the autocalibration region, or refined.

One coil has a map too, the phase of its low-resolution image: what is left of the image is nearly
real, with one coil as with many, so that its conjugate symmetry is plain to a network.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.models.unet import UNet

FIRST_SHARE = 0.01  # of the refinement in the maps, before training


def unit_maps(images: jax.Array) -> jax.Array:
    """Maps of coil images [B, C, H, W]: those over their root-sum-of-squares."""
    energy = jnp.square(images.real) + jnp.square(images.imag)
    return images * jax.lax.rsqrt(jnp.sum(energy, axis=1, keepdims=True) + 1e-20)


class Refinement(nn.Module):
    """Calibration images corrected by a small U-Net that sees one coil at a time."""

    features: int
    pools: int
    dtype: str

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> jax.Array:
        B, C, H, W = images.shape
        coils = images.reshape(B * C, H, W)
        x = jnp.stack([coils.real, coils.imag], axis=-1)
        change = UNet(self.features, self.pools, self.dtype, name="unet")(x, train)
        share = self.param("share", nn.initializers.constant(FIRST_SHARE), ())
        change = share * jax.lax.complex(change[..., 0], change[..., 1])
        return images + change.reshape(B, C, H, W)
