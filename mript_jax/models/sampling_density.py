"""The density at which masks sample k-space: all that a network is told of a pattern."""

import jax
import jax.numpy as jnp
import numpy as np

BINS = 16  # of a density profile, from the center of k-space to its edge
LAGS = 16  # of the autocorrelation of lines, which shows regular spacing


def line_profiles(mask: jax.Array) -> jax.Array:
    """Density from center to edge, and autocorrelation, of the columns and rows of masks."""
    profiles = []
    for other in (2, 1):
        density = mask.mean(axis=other)  # [B, lines]
        n = density.shape[1]
        profiles.append(density @ _bins(np.abs(np.arange(n) - n // 2) / (n / 2)))
        around = density - density.mean(axis=1, keepdims=True)
        variance = jnp.sum(jnp.square(around), axis=1) + 1e-6
        shifted = [jnp.sum(around[:, k:] * around[:, :-k], axis=1) for k in range(1, LAGS + 1)]
        profiles.append(jnp.stack(shifted, axis=-1) / variance[:, None])
    return jnp.concatenate(profiles, axis=-1)  # [B, 2 * (BINS + LAGS)]


def radial_profile(mask: jax.Array) -> jax.Array:
    """Radial sampling density of masks, from the center to the corners: [B, H, W] -> [B, BINS]."""
    H, W = mask.shape[1:]
    y, x = ((np.arange(n) - n // 2) / (n / 2) for n in (H, W))
    radius = np.hypot(y[:, None], x) / np.sqrt(2)
    return mask.reshape(-1, H * W) @ _bins(radius.reshape(-1))


def _bins(position: np.ndarray) -> np.ndarray:
    """Weights [n, BINS] of local averages at BINS positions from 0 to 1; no bin is empty."""
    places = np.linspace(0, 1, BINS)
    nearness = np.maximum(1 - np.abs(position[:, None] - places) * (BINS - 1), 1e-6)
    return (nearness / nearness.sum(axis=0)).astype(np.float32)
