"""The description of a scan for a network: how densely k-space was sampled, and how noisy it is."""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.models.sampling_density import line_profiles, radial_profile
from mript_jax.physics.fourier import orthonormal_fft

EULER = 0.5772156649  # -E[log x] of an exponentially distributed x of mean 1
NOISELESS = 1e-5  # of the image's maximum: noise below it makes no difference
STRIPES = 16  # of an image
OUTERMOST = 8  # power of the radius by which samples count in the noise estimate


def describe(mask: jax.Array, noise: jax.Array) -> jax.Array:
    """Numbers of about 1 that describe a mask [B, H, W] and the noise [B]: [B, features]."""
    share = jnp.mean(mask, axis=(1, 2))[:, None]
    level = jnp.log10(jnp.clip(noise, NOISELESS, 1.0))[:, None]
    numbers = [share, -0.5 * jnp.log2(share), 2.0 + 0.8 * level]
    return jnp.concatenate([*numbers, line_profiles(mask), radial_profile(mask)], axis=-1)


def estimate_noise(kspace: jax.Array, mask: jax.Array) -> jax.Array:
    """Standard deviation [B] of the noise in the real and imaginary part of k-space [B, C, H, W].

    The object can only add to what the periphery of k-space and, where whole lines are sampled, the
    darkest stripe of the image show: the smallest counts. Coils that are zero do not.
    """
    energy = [_periphery(kspace, mask), *(_darkest_stripe(kspace, mask, axis) for axis in (1, 2))]
    return jnp.sqrt(0.5 * jnp.min(jnp.stack(energy), axis=0))


def _periphery(kspace: jax.Array, mask: jax.Array) -> jax.Array:
    """Energy [B] of the outermost samples: the geometric mean ignores what an edge lights up."""
    H, W = mask.shape[1:]
    y, x = ((np.arange(n) - n // 2) / (n / 2) for n in (H, W))
    outer = ((0.5 * (y[:, None] ** 2 + x**2)) ** (OUTERMOST / 2)).astype(np.float32)
    energy = jnp.square(kspace.real) + jnp.square(kspace.imag)
    weight = (mask * outer[None])[:, None] * (energy > 0)
    log_energy = jnp.log(jnp.where(energy > 0, energy, 1.0))
    total = jnp.sum(weight, axis=(1, 2, 3))
    mean = jnp.sum(weight * log_energy, axis=(1, 2, 3)) / jnp.maximum(total, 1e-12)
    return jnp.where(total > 0, jnp.exp(mean + EULER), 0.0)


def _darkest_stripe(kspace: jax.Array, mask: jax.Array, axis: int) -> jax.Array:
    """Energy [B] of the darkest stripe across an axis of the image, where all lines along it are
    sampled as a whole or not at all; elsewhere infinite."""
    lines = jnp.max(mask, axis=axis, keepdims=True)  # [B, 1, W] or [B, H, 1]
    whole = jnp.all(mask == lines, axis=(1, 2))
    measured = jnp.any(kspace != 0, axis=(2, 3))  # [B, C]
    samples = jnp.sum(lines, axis=(1, 2)) * jnp.sum(measured, axis=1)
    stripes = orthonormal_fft(kspace, (axis + 1,), inverse=True)
    energy = jnp.square(stripes.real) + jnp.square(stripes.imag)
    energy = jnp.sum(energy, axis=(1, 4 - axis)) / jnp.maximum(samples, 1.0)[:, None]  # [B, n]
    size = max(energy.shape[1] // STRIPES, 1)
    energy = energy[:, : energy.shape[1] // size * size]
    energy = jnp.min(jnp.mean(energy.reshape(energy.shape[0], -1, size), axis=2), axis=1)
    return jnp.where(whole, energy, jnp.inf)
