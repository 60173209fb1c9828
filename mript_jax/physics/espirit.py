"""ESPIRiT: coil sensitivity maps from the autocalibration region (Uecker et al., 2014).

The rows of the calibration matrix, patches of the k-space of an object seen through smooth
sensitivities, lie in a space of few dimensions. Projecting the patches of any k-space of S x onto
it changes nothing. In the image this reads G S = S at each pixel, where the matrix G [C, C]
follows from the projection: sensitivities are its eigenvectors with eigenvalue 1. Where there is
no object all eigenvalues are smaller.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.calibration import (
    Region,
    calibration_matrix,
    crop_to_region,
    known_region,
    noise_singular_values,
)
from mript_jax.physics.coils import (
    calibration_images,
    estimate_sensitivities,
    root_sum_of_squares,
)
from mript_jax.physics.fourier import Array

REGION = (24, 24)  # most of the calibration region: a larger one makes the maps no better
KERNEL = 6  # side of the patches, where the region is at least three times as wide
CROP = 0.8  # smallest eigenvalue of a sensitivity
ITERATIONS = 16  # of the power method, which starts from the low-resolution images
FLOOR = 1e-3  # smallest singular value of the object's space, relative to the largest
NOISE_ONLY = 0.25  # share of the singular values that are noise's alone
SMALLEST = 1e-30  # divisor


def espirit(
    kspace: Array,
    mask: np.ndarray,
    sets: int = 1,
    kernel: Region | None = None,
    threshold: float | None = None,
    crop: float = CROP,
) -> tuple[jax.Array, jax.Array]:
    """Sensitivity maps [..., sets, C, H, W] and eigenvalues [..., sets, H, W] of k-space.

    Args:
        kspace: [..., C, H, W], with noise that is best white (`noise.prewhiten`).
        mask: [H, W], of which the largest fully sampled rectangle at the center is used.
        sets: two explain an object that is larger than the field of view: y = M F (S1 x1 + S2 x2).
        kernel: size of the patches; by default 6 x 6, less along an axis with few samples.
        threshold: smallest singular value of the object's space, relative to the largest. By
            default those are kept that noise alone would not have.
        crop: eigenvalue below which a map is zero; elsewhere its squares add up to 1.
    """
    region = known_region(np.asarray(mask), REGION)
    if min(region) < 2:
        raise UserError(
            "sensitivity maps need a fully sampled center of at least 2 x 2 samples of k-space; "
            f"here it has {region[0]} x {region[1]}"
        )
    height, width = (min(KERNEL, n, max(2, -(-n // 3))) for n in region)
    measured = jnp.asarray(kspace)
    samples = crop_to_region(measured, region)
    # Two steps, since the second is large and knows the region only by the kernel's size.
    by_slice = samples.reshape(-1, *samples.shape[-3:])
    projections = _projections(by_slice, threshold, kernel or (height, width))
    return _maps(projections, calibration_images(measured, jnp.asarray(mask)), crop, sets)


def sensitivity_maps(kspace: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The maps [C, H, W] to reconstruct a scan with: ESPIRiT's, and of one coil its phase."""
    if kspace.shape[0] == 1:
        phase = estimate_sensitivities(kspace, mask)
        return np.where(phase == 0, 1, phase)
    return np.asarray(espirit(kspace, mask)[0][0])


@functools.partial(jax.jit, static_argnames="kernel")
def _projections(samples: jax.Array, threshold: float | None, kernel: Region) -> jax.Array:
    """[N, C, h, w] -> [N, C, kh, kw, C, kh, kw]."""
    return jax.lax.map(lambda of_one: _projection(of_one, kernel, threshold), samples)


@functools.partial(jax.jit, static_argnames="sets")
def _maps(
    projections: jax.Array, images: jax.Array, crop: float, sets: int
) -> tuple[jax.Array, jax.Array]:
    one_by_one = images.reshape(-1, *images.shape[-3:])
    maps, values = jax.lax.map(
        lambda of_one: _eigenmaps(of_one[0], of_one[1], sets), (projections, one_by_one)
    )
    maps = jnp.where(values[:, :, None] > crop, maps, 0)
    stack = images.shape[:-3]
    return maps.reshape(*stack, *maps.shape[1:]), values.reshape(*stack, *values.shape[1:])


def _projection(samples: jax.Array, kernel: Region, threshold: float | None) -> jax.Array:
    """Onto the object's space of patches, from samples [C, h, w]: [C, kh, kw, C, kh, kw]."""
    matrix = calibration_matrix(samples, kernel)
    _, values, space = jnp.linalg.svd(matrix, full_matrices=False)
    if threshold is None:
        noise = noise_singular_values(samples.shape, kernel)
        quiet = round((1 - NOISE_ONLY) * (len(noise) - 1))
        least = jnp.maximum(FLOOR * values[0], values[quiet] * np.float32(noise[0] / noise[quiet]))
    else:
        least = threshold * values[0]
    space = jnp.where(values[:, None] > least, space, 0)
    shape = (samples.shape[0], *kernel)
    return (space.T @ space.conj()).reshape(*shape, *shape)


def _eigenmaps(projection: jax.Array, first: jax.Array, sets: int) -> tuple[jax.Array, jax.Array]:
    """Eigenvectors [sets, C, H, W] and eigenvalues [sets, H, W] of G, by the power method.

    `first` [C, H, W] are images near the first eigenvector; the phase is relative to them.
    """
    correlation = _correlation(projection)
    sides, (coils, *shape) = correlation.shape[2:], first.shape
    rows, columns = (_waves(n, size) for n, size in zip(sides, shape, strict=True))
    by_column = jnp.einsum("cdhw,xw->cdhx", correlation, columns)
    rest = np.exp(2j * np.pi * np.outer(np.arange(1, sets), np.arange(coils)) / coils)

    def of_row(given: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        wave, first = given  # [2 kh - 1], [C, W]
        G = jnp.einsum("cdhx,h->cdx", by_column, wave)  # row by row: of all, it would be large
        others = jnp.broadcast_to(rest[:, :, None], (sets - 1, *first.shape))
        start = _orthonormal(jnp.concatenate([first[None], others.astype(first.dtype)]))
        vectors = jax.lax.fori_loop(0, ITERATIONS, lambda _, v: _orthonormal(_apply(G, v)), start)
        values = root_sum_of_squares(_apply(G, vectors), axis=1)
        phase = jnp.angle(jnp.sum(vectors.conj() * first[None], axis=1, keepdims=True))
        return vectors * jnp.exp(1j * phase), values

    maps, values = jax.lax.map(of_row, (rows, jnp.moveaxis(first, 1, 0)))
    return jnp.moveaxis(maps, 0, 2), jnp.moveaxis(values, 0, 1)


def _correlation(projection: jax.Array) -> jax.Array:
    """The Fourier coefficients [C, C, 2 kh - 1, 2 kw - 1] of G: the projection by displacement."""
    rows, columns = (
        np.eye(2 * k - 1, dtype=np.float32)[np.arange(k)[:, None] - np.arange(k) + k - 1]
        for k in projection.shape[1:3]
    )  # [k, k, 2 k - 1], 1 where two indices have this displacement
    by_row = jnp.einsum("cyxdvw,yvh->cdhxw", projection, rows)
    return jnp.einsum("cdhxw,xwk->cdhk", by_row, columns) / math.prod(projection.shape[1:3])


def _waves(count: int, size: int) -> np.ndarray:
    """exp(2 pi i k x / size) for `count` frequencies k and all pixels x, both centered."""
    frequencies, pixels = np.arange(count) - count // 2, np.arange(size) - size // 2
    return np.exp(2j * np.pi * np.outer(pixels, frequencies) / size).astype(np.complex64)


def _apply(G: jax.Array, vectors: jax.Array) -> jax.Array:
    """[C, C, W] times [sets, C, W]: sums over products are twice as fast as small matrices."""
    return jnp.sum(G[None] * vectors[:, None], axis=2)


def _orthonormal(vectors: jax.Array) -> jax.Array:
    """[sets, C, W], at each pixel, by Gram and Schmidt."""
    done: list[jax.Array] = []
    for vector in vectors:
        for other in done:
            vector = vector - other * jnp.sum(other.conj() * vector, axis=0, keepdims=True)
        size = root_sum_of_squares(vector, axis=0)[None]
        done.append(vector / jnp.maximum(size, SMALLEST))
    return jnp.stack(done)
