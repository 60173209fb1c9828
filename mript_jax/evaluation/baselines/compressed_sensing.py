"""Compressed sensing: total variation and wavelet sparsity, batched and jitted.

Both minimize 1/2 |mask fft(S x) - y|^2 + weight R(x), for single- and multi-coil data alike. The
weight is a number or one for each image, in units of images whose maximum is about 1.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.batch import Batch
from mript_jax.evaluation.baselines.fista import Prox, fista
from mript_jax.evaluation.baselines.measurement import measurement_of
from mript_jax.evaluation.baselines.wavelets import from_wavelets, to_wavelets
from mript_jax.physics.measurement import Measurement, start
from mript_jax.side_by_side import slice_by_slice

MakeProx = Callable[[Measurement, jax.Array], tuple[Prox, jax.Array]]

ITERATIONS = 60
INNER_ITERATIONS = 5  # of total variation's proximal operator, which goes on where it stopped
LEVELS = 4  # of the wavelet transform


def total_variation(
    batch: Batch, weight: jax.Array | float, iterations: int = ITERATIONS
) -> jax.Array:
    """R = sum over pixels of the gradient's magnitude: [B, H, W, 1]."""
    return jnp.abs(total_variation_image(measurement_of(batch), weight, iterations))[..., None]


def wavelet(batch: Batch, weight: jax.Array | float, iterations: int = ITERATIONS) -> jax.Array:
    """R = sum of magnitudes of the wavelet coefficients: [B, H, W, 1]."""
    return jnp.abs(wavelet_image(measurement_of(batch), weight, iterations))[..., None]


def total_variation_image(
    measured: Measurement, weight: jax.Array | float, iterations: int = ITERATIONS
) -> jax.Array:
    """The complex image [B, H, W] of `total_variation`."""
    return _minimize(measured, weight, _total_variation_prox, iterations)


def wavelet_image(
    measured: Measurement, weight: jax.Array | float, iterations: int = ITERATIONS
) -> jax.Array:
    """The complex image [B, H, W] of `wavelet`."""
    return _minimize(measured, weight, _wavelet_prox, iterations)


def _minimize(
    measured: Measurement, weight: jax.Array | float, make_prox: MakeProx, iterations: int
) -> jax.Array:
    weights = np.broadcast_to(np.asarray(weight, np.float32), len(measured.mask))

    def reconstruct(some: tuple[Measurement, jax.Array]) -> jax.Array:
        return _reconstruct(*some, make_prox, iterations)

    image: jax.Array = slice_by_slice(reconstruct, (measured, weights))
    return image


@functools.partial(jax.jit, static_argnames=("make_prox", "iterations"))
def _reconstruct(
    measured: Measurement,
    weights: jax.Array,
    make_prox: MakeProx,
    iterations: int,
) -> jax.Array:
    prox, memory = make_prox(measured, weights[:, None, None])
    return fista(measured, prox, memory, iterations)


def _total_variation_prox(measured: Measurement, weight: jax.Array) -> tuple[Prox, jax.Array]:
    """By projected gradient steps on the dual: x - div* q with |q| <= weight at each pixel."""

    def prox(image: jax.Array, dual: jax.Array) -> tuple[jax.Array, jax.Array]:
        def step(_: int, dual: jax.Array) -> jax.Array:
            dual = dual + differences(image - differences_adjoint(dual)) / 8.0
            size = jnp.sqrt(jnp.sum(jnp.square(jnp.abs(dual)), axis=0))
            return dual * weight[None] / jnp.maximum(size, weight)[None]

        dual = jax.lax.fori_loop(0, INNER_ITERATIONS, step, dual)
        return image - differences_adjoint(dual), dual

    return prox, jnp.zeros((2, *start(*measured).shape), jnp.complex64)


def _wavelet_prox(measured: Measurement, weight: jax.Array) -> tuple[Prox, jax.Array]:
    """Soft thresholding of all coefficients but the coarse image's.

    Each call moves the image against the wavelets' grid (cycle spinning), which otherwise shows
    in the result and costs 2 dB; the count of calls is the memory.
    """
    height, width = measured.kspace.shape[-2:]
    block = 2**LEVELS
    padding = [(0, 0), (0, -height % block), (0, -width % block)]
    coarse = (..., slice(-(-height // block)), slice(-(-width // block)))

    def prox(image: jax.Array, calls: jax.Array) -> tuple[jax.Array, jax.Array]:
        shift = (5 * calls % block, 3 * calls % block)
        moved = jnp.roll(jnp.pad(image, padding, mode="symmetric"), shift, axis=(-2, -1))
        shrunk = from_wavelets(shrink(to_wavelets(moved, LEVELS), weight, coarse), LEVELS)
        back = jnp.roll(shrunk, (-shift[0], -shift[1]), axis=(-2, -1))
        return back[..., :height, :width], calls + 1

    return prox, jnp.zeros((), jnp.int32)


def shrink(coefficients: jax.Array, weight: jax.Array, spared: tuple) -> jax.Array:
    """Magnitudes less `weight`, or 0; but those at `spared` as they are."""
    size = jnp.abs(coefficients)
    shrunk = coefficients * jnp.maximum(size - weight, 0.0) / jnp.maximum(size, 1e-12)
    return shrunk.at[spared].set(coefficients[spared])


def differences(image: jax.Array) -> jax.Array:
    """Forward differences along both axes, 0 at the last: [..., H, W] -> [2, ..., H, W]."""
    down = jnp.diff(image, axis=-2, append=image[..., -1:, :])
    right = jnp.diff(image, axis=-1, append=image[..., :, -1:])
    return jnp.stack([down, right])


def differences_adjoint(dual: jax.Array) -> jax.Array:
    """The adjoint of `differences`."""
    down, right = dual[0].at[..., -1, :].set(0.0), dual[1].at[..., :, -1].set(0.0)
    return -jnp.diff(down, axis=-2, prepend=0.0) - jnp.diff(right, axis=-1, prepend=0.0)
