"""Image metrics: (reference, estimate) [B, H, W] and a data range -> one value per image [B].

The data range is a number or one for each image. Images are divided by it first, so that raw
scanner units (1e-6) neither underflow in float32 nor meet an epsilon.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.fourier import orthonormal_fft

K1, K2 = 0.01, 0.03  # SSIM's constants
SMALLEST = 1e-20  # mean squared error that counts as none: 200 dB
LOG_SIZE, LOG_SIGMA = 15, 1.5  # HFEN's Laplacian of Gaussian, in pixels
BANDS = 10  # of frequency_error

Images = jax.Array | np.ndarray
Metric = Callable[..., jax.Array]


def _checked(metric: Metric) -> Metric:
    """The metric, which refuses NaN, infinity and an impossible data range outside of jit."""

    @functools.wraps(metric)
    def checked(
        reference: Images, estimate: Images, data_range: Images | float = 1.0, **options: Any
    ) -> jax.Array:
        given = {"reference": reference, "estimate": estimate, "data range": data_range}
        if not any(isinstance(value, jax.core.Tracer) for value in given.values()):
            for name, value in given.items():
                if not np.isfinite(value).all():
                    raise UserError(f"{metric.__name__}: the {name} holds NaN or infinity")
            if not (np.asarray(data_range) > 0).all():
                raise UserError(f"{metric.__name__}: the data range must be above 0")
        return metric(reference, estimate, data_range, **options)

    return checked


@_checked
def psnr(reference: Images, estimate: Images, data_range: Images | float = 1.0) -> jax.Array:
    """Peak signal-to-noise ratio in dB: 10 log10(range^2 / mean squared error)."""
    x, y = _in_range(reference, estimate, data_range)
    error = jnp.mean(jnp.square(x - y), axis=(1, 2))
    return -10.0 * jnp.log10(jnp.maximum(error, SMALLEST))


@_checked
def nmse(reference: Images, estimate: Images, data_range: Images | float = 1.0) -> jax.Array:
    """Squared error over the reference's squared norm, in which the data range cancels out."""
    x, y = _in_range(reference, estimate, data_range)
    error = jnp.sum(jnp.square(x - y), axis=(1, 2))
    return error / jnp.maximum(jnp.sum(jnp.square(x), axis=(1, 2)), SMALLEST)


@_checked
def ssim(
    reference: Images,
    estimate: Images,
    data_range: Images | float = 1.0,
    win_size: int = 7,
) -> jax.Array:
    """Structural similarity: uniform window, valid region, sample covariance; differentiable.

    fastMRI's SSIM is this with the volume's maximum as data range (protocols.py).
    """
    x, y = _in_range(reference, estimate, data_range)
    assert min(x.shape[1:]) >= win_size, f"images {x.shape[1:]} are smaller than the window"
    return _ssim(x, y, win_size)


@functools.partial(jax.jit, static_argnames="win_size")
def _ssim(x: jax.Array, y: jax.Array, win_size: int) -> jax.Array:
    mean_x, mean_y, var_x, var_y, covariance = _window_moments(x, y, win_size)
    sample = win_size**2 / (win_size**2 - 1)
    luminance = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    structure = (2 * sample * covariance + K2**2) / (sample * (var_x + var_y) + K2**2)
    return jnp.mean(luminance * structure, axis=(1, 2))


@_checked
def hfen(reference: Images, estimate: Images, data_range: Images | float = 1.0) -> jax.Array:
    """High-frequency error norm: the error's norm over the reference's, after an edge filter.

    The filter is a Laplacian of Gaussian (15 x 15 pixels, sigma 1.5), which sees edges and fine
    structure alone.
    """
    x, y = _in_range(reference, estimate, data_range)
    return _norm(_edges(x - y)) / jnp.maximum(_norm(_edges(x)), SMALLEST)


@_checked
def sharpness(reference: Images, estimate: Images, data_range: Images | float = 1.0) -> jax.Array:
    """The share of the reference's edges in the estimate: 1 for all, less where they are blurred.

    The estimate's gradient projected onto the reference's, so that noise, which has no preferred
    direction, does not pass for sharpness.
    """
    x, y = _in_range(reference, estimate, data_range)

    def product(a: jax.Array, b: jax.Array) -> jax.Array:  # of gradients
        along = (jnp.diff(a, axis=axis) * jnp.diff(b, axis=axis) for axis in (1, 2))
        down, right = (jnp.sum(d, axis=(1, 2)) for d in along)
        return down + right

    return product(x, y) / jnp.maximum(product(x, x), SMALLEST)


@_checked
def frequency_error(
    reference: Images, estimate: Images, data_range: Images | float = 1.0
) -> jax.Array:
    """The error's norm over the reference's in rings of k-space: [B, BANDS], center first.

    The rings are of equal width, as ellipses that touch the edge of k-space; its corners belong to
    the last one.
    """
    x, y = _in_range(reference, estimate, data_range)
    height, width = x.shape[1:]
    rings = jax.nn.one_hot(_ring_index(height, width), BANDS, axis=0)  # [BANDS, H, W]
    energy = jnp.square(jnp.abs(orthonormal_fft(jnp.stack([x - y, x]), (-2, -1))))  # [2, B, H, W]
    error, whole = jnp.einsum("sbhw,khw->sbk", energy, rings, precision="highest")
    return jnp.sqrt(error / jnp.maximum(whole, SMALLEST))


def _in_range(
    reference: Images, estimate: Images, data_range: Images | float
) -> tuple[jax.Array, jax.Array]:
    """Both images over the data range, in float32 or better."""
    assert reference.ndim == 3 and reference.shape == estimate.shape, (
        f"expected two arrays [B, H, W], got {reference.shape} and {estimate.shape}"
    )
    x, y = _over(reference, data_range), _over(estimate, data_range)
    dtype = jnp.promote_types(jnp.result_type(x, y), jnp.float32)
    return jnp.asarray(x, dtype), jnp.asarray(y, dtype)


def _over(images: Images, data_range: Images | float) -> Images:
    """Images over the data range; those on the host in float64, where no unit is too large."""
    if isinstance(images, np.ndarray) and not isinstance(data_range, jax.Array):
        return images / np.reshape(np.asarray(data_range, np.float64), (-1, 1, 1))
    dtype = jnp.promote_types(jnp.result_type(images), jnp.float32)
    return jnp.asarray(images, dtype) / jnp.reshape(jnp.asarray(data_range, dtype), (-1, 1, 1))


def _edges(images: jax.Array) -> jax.Array:
    """Laplacian of Gaussian, zeros around the image: one axis after the other, as it separates."""
    at = np.arange(LOG_SIZE) - LOG_SIZE // 2
    smooth = np.exp(-(at**2) / (2 * LOG_SIGMA**2))
    smooth /= smooth.sum()
    bend = smooth * (at**2 - LOG_SIGMA**2) / LOG_SIGMA**4
    bend -= bend.mean()  # flat regions give 0
    vertical = _filter(_filter(images, bend, axis=1), smooth, axis=2)
    return vertical + _filter(_filter(images, smooth, axis=1), bend, axis=2)


def _filter(images: jax.Array, weights: np.ndarray, axis: int) -> jax.Array:
    padding = [(0, 0)] * images.ndim
    padding[axis] = (len(weights) // 2, len(weights) // 2)
    lines = _shifts(jnp.pad(images, padding), len(weights), axis)
    weighted = (float(weight) * line for weight, line in zip(weights, lines, strict=True))
    return functools.reduce(operator.add, weighted)


def _norm(images: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(jnp.square(images), axis=(1, 2)))


def _ring_index(height: int, width: int) -> jax.Array:
    """The ring of each point of an uncentered spectrum, [H, W]."""
    y, x = 2 * jnp.fft.fftfreq(height)[:, None], 2 * jnp.fft.fftfreq(width)[None]
    radius = jnp.sqrt(jnp.square(y) + jnp.square(x))
    return jnp.minimum((radius * BANDS).astype(jnp.int32), BANDS - 1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _window_moments(x: jax.Array, y: jax.Array, size: int) -> tuple[jax.Array, ...]:
    """Means, variances and covariance over size x size windows: [B, H - size + 1, W - size + 1].

    E[x^2] - E[x]^2 loses the small differences of flat, bright regions in float32. The law of
    total variance does not: a window's variance is the mean of its columns' variances plus the
    variance of its columns' means, each taken around its own mean.
    """
    mean_x, mean_y, *within = _line_moments(x, y, size, axis=1)
    mean_x, mean_y, *between = _line_moments(mean_x, mean_y, size, axis=2)
    spread = (_mean(_shifts(a, size, axis=2)) + b for a, b in zip(within, between, strict=True))
    return mean_x, mean_y, *spread


def _line_moments(x: jax.Array, y: jax.Array, size: int, axis: int) -> tuple[jax.Array, ...]:
    """Means, variances and covariance over lines of the window along one axis."""
    lines_x, lines_y = _shifts(x, size, axis), _shifts(y, size, axis)
    mean_x, mean_y = _mean(lines_x), _mean(lines_y)
    dx, dy = [line - mean_x for line in lines_x], [line - mean_y for line in lines_y]
    products = ((dx, dx), (dy, dy), (dx, dy))
    spread = (_mean([a * b for a, b in zip(*pair, strict=True)]) for pair in products)
    return mean_x, mean_y, *spread


def _shifts(image: jax.Array, size: int, axis: int) -> list[jax.Array]:
    """The image moved by 0, 1, ... size - 1 along an axis, cut to the valid region."""
    valid = image.shape[axis] - size + 1
    return [jax.lax.slice_in_dim(image, s, s + valid, axis=axis) for s in range(size)]


def _mean(images: list[jax.Array]) -> jax.Array:
    return functools.reduce(operator.add, images) / len(images)


def _moments_forward(x: jax.Array, y: jax.Array, size: int) -> tuple:
    moments = _window_moments(x, y, size)
    return moments, (x, y, *moments[:2])


def _moments_backward(size: int, saved: tuple, gradients: tuple) -> tuple[jax.Array, jax.Array]:
    """Written out, because that of the many shifts above is 30 times as slow."""
    x, y, mean_x, mean_y = saved
    to_mean_x, to_mean_y, to_var_x, to_var_y, to_covariance = gradients

    def spread(gradient: jax.Array) -> jax.Array:  # to all pixels of the window
        padding = ((0, 0), (size - 1,) * 2, (size - 1,) * 2)
        window = (1, size, size)
        summed = jax.lax.reduce_window(
            gradient, 0.0, jax.lax.add, window, window_strides=(1, 1, 1), padding=padding
        )
        return summed / size**2

    both = spread(to_covariance)
    to_x = spread(to_mean_x - 2 * to_var_x * mean_x - to_covariance * mean_y)
    to_y = spread(to_mean_y - 2 * to_var_y * mean_y - to_covariance * mean_x)
    return (
        to_x + 2 * x * spread(to_var_x) + y * both,
        to_y + 2 * y * spread(to_var_y) + x * both,
    )


_window_moments.defvjp(_moments_forward, _moments_backward)
