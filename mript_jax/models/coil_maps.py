"""Coil sensitivity maps inside a network: from the autocalibration region, or refined.

One coil has a map too, the phase of its low-resolution image: what is left of the image is nearly
real, with one coil as with many, so that its conjugate symmetry is plain to a network.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.models.unet import UNet
from mript_jax.physics.fourier import ifft2c

WIDEST = 0.25  # share of k-space along an axis beyond which maps would only get noisier
FIRST_SHARE = 0.01  # of the refinement in the maps, before training


def unit_maps(images: jax.Array) -> jax.Array:
    """Maps of coil images [B, C, H, W]: those over their root-sum-of-squares."""
    energy = jnp.square(images.real) + jnp.square(images.imag)
    return images * jax.lax.rsqrt(jnp.sum(energy, axis=1, keepdims=True) + 1e-20)


def calibration_images(kspace: jax.Array, mask: jax.Array) -> jax.Array:
    """Low-resolution coil images [B, C, H, W] from the fully sampled center of each mask."""
    H, W = mask.shape[1:]
    rows = _taper(_half_width(mask[:, :, W // 2], H // 2), H)
    columns = _taper(_half_width(mask[:, H // 2, :], W // 2), W)
    window = rows[:, :, None] * columns[:, None, :]  # [B, H, W]
    return ifft2c(kspace * window[:, None])


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


def _half_width(line: jax.Array, center: int) -> jax.Array:
    """Samples [B] on either side of the center of a line [B, n], up to the first missing one."""
    after = jnp.sum(jnp.cumprod(line[:, center + 1 :], axis=1), axis=1)
    before = jnp.sum(jnp.cumprod(line[:, :center][:, ::-1], axis=1), axis=1)
    return jnp.minimum(jnp.minimum(before, after), WIDEST / 2 * line.shape[1])


def _taper(half_width: jax.Array, size: int) -> jax.Array:
    """Hann windows [B, size], zero beyond the half widths [B]: maps do not ring."""
    distance = np.abs(np.arange(size) - size // 2)[None] / (half_width[:, None] + 1)
    return jnp.square(jnp.cos(0.5 * jnp.pi * jnp.minimum(distance, 1.0)))
