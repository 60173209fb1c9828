"""The image that an unrolled reconstruction starts from: the better, the less is left to learn."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.models.soft_consistency import Scan, consistent
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.measurement import start

SENSE_WEIGHT = 3e-3
SENSE_STEPS = 10
SPARSITY = 0.1, 1e-3  # weight of total variation: a multiple of the noise, and what is added
PENALTY = 10.0  # of the split, over the weight
ITERATIONS = 8
STEPS = 2  # of conjugate gradients in each, with several coils


def zero_filled(scan: Scan) -> jax.Array:
    """S* F* y: [B, H, W]."""
    return start(*scan.measured)


def sense(scan: Scan) -> jax.Array:
    """The slightly regularized least-squares solution; of one coil the zero-filled image."""
    weight = jnp.full_like(scan.noise, SENSE_WEIGHT)
    return consistent(0 * start(*scan.measured), weight, scan.measured, SENSE_STEPS)


def total_variation(scan: Scan) -> jax.Array:
    """min 1/2 |M F S x - y|^2 + weight TV(x), nearly: a few iterations of ADMM.

    Differences are periodic: the least-squares problem of an iteration, |M F S x - y|^2 + penalty
    |D x - v|^2, is that of consistency with D^+ v, weighted by |D|^2 over k-space.
    """
    measured, maps = scan.measured, scan.measured.sensitivities
    assert maps is not None
    phase: jax.Array | float = 1.0
    if maps.shape[1] == 1:  # whose closed form is for a map of 1
        phase, measured = maps[:, 0].conj(), measured._replace(sensitivities=jnp.ones_like(maps))
    weight = (SPARSITY[0] * scan.noise + SPARSITY[1])[:, None, None]
    H, W = measured.mask.shape[1:]
    squared = (_gains(H)[:, None] + _gains(W))[None]  # |D|^2 over k-space: [1, H, W]
    inverse = np.where(squared > 0, 1 / np.maximum(squared, 1e-9), 0).astype(np.float32)

    def iterate(_: int, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        x, wanted, surplus = state
        near = ifft2c(inverse * fft2c(_differences_adjoint(wanted)))
        near = near + jnp.mean(x, axis=(1, 2), keepdims=True)
        x = consistent(jnp.asarray(near), PENALTY * weight * squared, measured, STEPS)
        edges = _differences(x) + surplus
        size = jnp.sqrt(jnp.sum(jnp.square(jnp.abs(edges)), axis=0))
        shrunk = edges * jnp.maximum(1 - 1 / (PENALTY * jnp.maximum(size, 1e-9)), 0)[None]
        surplus = edges - shrunk
        return x, shrunk - surplus, surplus

    x = sense(scan._replace(measured=measured))
    state = (x, _differences(x), jnp.zeros((2, *x.shape), x.dtype))
    return phase * jax.lax.fori_loop(0, ITERATIONS, iterate, state)[0]


def _gains(size: int) -> np.ndarray:
    """|exp(i k) - 1|^2 of the frequencies k of centered k-space: [size]."""
    frequency = (np.arange(size) - size // 2) / size
    return (2 - 2 * np.cos(2 * np.pi * frequency)).astype(np.float32)


def _differences(x: jax.Array) -> jax.Array:
    """To the next row and column, around the edge: [B, H, W] -> [2, B, H, W]."""
    return jnp.stack([jnp.roll(x, -1, axis) - x for axis in (1, 2)])


def _differences_adjoint(edges: jax.Array) -> jax.Array:
    rows, columns = (jnp.roll(edges[axis - 1], 1, axis) - edges[axis - 1] for axis in (1, 2))
    return rows + columns


STARTS: dict[str, Callable[[Scan], jax.Array]] = {
    "zero_filled": zero_filled,
    "sense": sense,
    "total_variation": total_variation,
}
