"""Images that an unrolled reconstruction starts from, or that guide its cascades."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.models.unrolled_consistency import Scan, consistent
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.measurement import start

SENSE_WEIGHT = 3e-3
SENSE_STEPS = 10
NEIGHBORS = ((1, 0), (0, 1), (1, 1), (1, -1))  # whose differences are sparse
THRESHOLDS = 0.2, 0.05  # of differences, of the image's maximum: in the first and last iteration
PENALTY = 0.003, 100.0  # of differences, and per noise variance
ITERATIONS = 20, 10  # for one coil, and for several
STEPS = 2  # of conjugate gradients in each, for several


def zero_filled(scan: Scan) -> jax.Array:
    """S* F* y: [B, H, W]."""
    return start(*scan.measured)


def sense(scan: Scan) -> jax.Array:
    """The slightly regularized least-squares solution; of one coil the zero-filled image."""
    weight = jnp.full_like(scan.noise, SENSE_WEIGHT)
    return consistent(0 * start(*scan.measured), weight, scan.measured, SENSE_STEPS)


def sparse(scan: Scan) -> jax.Array:
    """Compressed sensing: few neighbors differ. ADMM with the non-negative garrote, [B, H, W].

    It shrinks large differences less than total variation does, which is worth 0.8 dB. Differences
    are periodic: the least-squares problem of an iteration, |M F S x - y|^2 + penalty |D x - v|^2,
    is that of consistency with D^+ v, weighted by |D|^2 over k-space.
    """
    measured, phase = scan.measured, jnp.ones(())
    several = measured.kspace.shape[1] > 1
    if not several:  # whose closed form is for a map of 1
        assert measured.sensitivities is not None
        phase = measured.sensitivities[:, 0].conj()
        measured = measured._replace(sensitivities=jnp.ones_like(measured.sensitivities))
    penalty = (PENALTY[0] + PENALTY[1] * jnp.square(scan.noise))[:, None, None]
    gains = _gains(measured.mask.shape[1:])  # |D|^2 over k-space: [1, H, W]
    inverse = np.where(gains > 0, 1 / np.maximum(gains, 1e-9), 0).astype(np.float32)
    thresholds = jnp.geomspace(*THRESHOLDS, ITERATIONS[several])

    def iterate(i: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        x, wanted, surplus = state
        near = jnp.asarray(ifft2c(inverse * fft2c(_differences_adjoint(wanted))))
        near = near + jnp.mean(x, axis=(1, 2), keepdims=True)
        x = consistent(near, penalty * gains, measured, STEPS)
        edges = _differences(x) + surplus  # [4, B, H, W]
        size = jnp.sum(jnp.square(edges.real) + jnp.square(edges.imag), axis=0, keepdims=True)
        shrunk = edges * jnp.maximum(1 - jnp.square(thresholds[i]) / jnp.maximum(size, 1e-12), 0)
        surplus = edges - shrunk
        return x, shrunk - surplus, surplus

    x = sense(scan._replace(measured=measured))
    state = (x, _differences(x), jnp.zeros((len(NEIGHBORS), *x.shape), x.dtype))
    return phase * jax.lax.fori_loop(0, ITERATIONS[several], iterate, state)[0]


def _gains(shape: tuple[int, int]) -> np.ndarray:
    """Squared magnitudes of the differences' transfer functions over k-space: [1, H, W]."""
    y, x = (2 * np.pi * (np.arange(n) - n // 2) / n for n in shape)
    gains = [
        (2 - 2 * np.cos(down * y[:, None] + right * x)) / (down**2 + right**2)
        for down, right in NEIGHBORS
    ]
    return np.sum(gains, axis=0).astype(np.float32)[None]


def _differences(x: jax.Array) -> jax.Array:
    """Slopes towards neighbors, around the edge: [B, H, W] -> [4, B, H, W]."""
    return jnp.stack([(jnp.roll(x, (-n[0], -n[1]), (1, 2)) - x) / np.hypot(*n) for n in NEIGHBORS])


def _differences_adjoint(edges: jax.Array) -> jax.Array:
    back = [
        (jnp.roll(edge, n, (1, 2)) - edge) / np.hypot(*n)
        for n, edge in zip(NEIGHBORS, edges, strict=True)
    ]
    return jnp.sum(jnp.stack(back), axis=0)


STARTS: dict[str, Callable[[Scan], jax.Array]] = {
    "zero_filled": zero_filled,
    "sense": sense,
    "sparse": sparse,
}
