"""The description of a scan for a network: how densely k-space was sampled, and how noisy it is."""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.models.prompt import line_profiles, radial_profile

EULER = 0.5772156649  # -E[log x] of an exponentially distributed x of mean 1
NOISELESS = 1e-5  # of the image's maximum: noise below it makes no difference
OUTERMOST = 8  # power of the radius by which samples count in the noise estimate


def describe(mask: jax.Array, noise: jax.Array) -> jax.Array:
    """Numbers of about 1 that describe a mask [B, H, W] and the noise [B]: [B, features]."""
    share = jnp.mean(mask, axis=(1, 2))[:, None]
    level = jnp.log10(jnp.clip(noise, NOISELESS, 1.0))[:, None]
    numbers = [share, -0.5 * jnp.log2(share), 2.0 + 0.8 * level]
    return jnp.concatenate([*numbers, line_profiles(mask), radial_profile(mask)], axis=-1)


def estimate_noise(kspace: jax.Array, mask: jax.Array) -> jax.Array:
    """Standard deviation [B] of the noise in the real and imaginary part of k-space [B, C, H, W].

    The outermost samples hold nearly nothing but noise. The geometric mean of their energy
    ignores the few that an edge lights up, and coils that are zero do not count.
    """
    H, W = mask.shape[1:]
    y, x = ((np.arange(n) - n // 2) / (n / 2) for n in (H, W))
    outer = ((0.5 * (y[:, None] ** 2 + x**2)) ** (OUTERMOST / 2)).astype(np.float32)
    energy = jnp.square(kspace.real) + jnp.square(kspace.imag)
    weight = (mask * outer[None])[:, None] * (energy > 0)
    log_energy = jnp.log(jnp.where(energy > 0, energy, 1.0))
    total = jnp.sum(weight, axis=(1, 2, 3))
    mean = jnp.sum(weight * log_energy, axis=(1, 2, 3)) / jnp.maximum(total, 1e-12)
    return jnp.where(total > 0, jnp.sqrt(0.5 * jnp.exp(mean + EULER)), 0.0)
