"""Image metrics: (reference, estimate) [B, H, W] and a data range -> one value per image [B]."""

import jax
import jax.numpy as jnp

K1, K2 = 0.01, 0.03
SMALLEST = 1e-20


def psnr(reference: jax.Array, estimate: jax.Array, data_range: jax.Array | float) -> jax.Array:
    """Peak signal-to-noise ratio in dB: 10 log10(range^2 / mean squared error)."""
    error = jnp.mean(jnp.square(jnp.asarray(reference) - estimate), axis=(1, 2))
    return 10.0 * jnp.log10(jnp.square(data_range) / jnp.maximum(error, SMALLEST))


def nmse(
    reference: jax.Array, estimate: jax.Array, data_range: jax.Array | float | None = None
) -> jax.Array:
    """Squared error over the reference's squared norm (the data range cancels out)."""
    error = jnp.sum(jnp.square(jnp.asarray(reference) - estimate), axis=(1, 2))
    return error / jnp.maximum(jnp.sum(jnp.square(reference), axis=(1, 2)), SMALLEST)


def ssim(
    reference: jax.Array,
    estimate: jax.Array,
    data_range: jax.Array | float,
    window: int = 7,
) -> jax.Array:
    """Structural similarity: uniform window, valid region, sample covariance."""
    x, y = jnp.asarray(reference), jnp.asarray(estimate)
    data_range = jnp.broadcast_to(jnp.asarray(data_range, x.dtype), x.shape[:1])[:, None, None]
    c1, c2 = jnp.square(K1 * data_range), jnp.square(K2 * data_range)
    # Moments around a common offset: in float32, E[x^2] - E[x]^2 loses the small differences.
    offset = jnp.mean(x, axis=(1, 2), keepdims=True)
    u, v = x - offset, y - offset
    sample = window**2 / (window**2 - 1)
    mean_u, mean_v = _local_mean(u, window), _local_mean(v, window)
    var_x = sample * (_local_mean(u * u, window) - mean_u * mean_u)
    var_y = sample * (_local_mean(v * v, window) - mean_v * mean_v)
    cov = sample * (_local_mean(u * v, window) - mean_u * mean_v)
    mean_x, mean_y = mean_u + offset, mean_v + offset
    value = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    value /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return jnp.mean(value, axis=(1, 2))


def _local_mean(x: jax.Array, window: int) -> jax.Array:
    """Means over window x window, valid region: one axis after the other."""
    for axis in (1, 2):
        size = [1, 1, 1]
        size[axis] = window
        x = jax.lax.reduce_window(x, 0.0, jax.lax.add, size, (1, 1, 1), "VALID")
    return x / window**2
