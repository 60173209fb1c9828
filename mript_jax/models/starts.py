"""Images that an unrolled reconstruction starts from, or that guide its cascades."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.models.unrolled_consistency import Scan, consistent
from mript_jax.physics.fourier import AXES, ifft2c, orthonormal_fft
from mript_jax.physics.measurement import start

SENSE_WEIGHT = 3e-3
SENSE_STEPS = 10
NEIGHBORS = ((1, 0), (0, 1), (1, 1), (1, -1))  # whose differences are sparse
THRESHOLDS = 0.2, 0.05  # of differences, of the image's maximum: in the first and last iteration
PENALTY = 0.003, 100.0  # of differences, and per noise variance
ITERATIONS = 20, 10  # for one coil, and for several
SMALLEST = 1e-12
STEPS = 2  # of conjugate gradients in each, for several

Fit = Callable[[jax.Array, jax.Array], jax.Array]  # (x [2, B, H, W], edges) -> x


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
    if not several:  # the coil's image is sought, whose map is 1
        assert measured.sensitivities is not None
        phase = measured.sensitivities[:, 0].conj()
        scan = scan._replace(
            measured=measured._replace(sensitivities=jnp.ones_like(measured.kspace))
        )
    fit = (_fit_several if several else _fit_one)(scan)
    thresholds = jnp.geomspace(*THRESHOLDS, ITERATIONS[several])

    def iterate(i: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        x, wanted, surplus = state
        x = fit(x, wanted)
        edges = _differences(x) + surplus  # [4, 2, B, H, W]
        size = jnp.sum(jnp.square(edges), axis=(0, 1), keepdims=True)
        shrunk = edges * jnp.maximum(1 - jnp.square(thresholds[i]) / jnp.maximum(size, 1e-12), 0)
        surplus = edges - shrunk
        return x, shrunk - surplus, surplus

    x = _parts(sense(scan))
    edges = _differences(x)
    state = (x, edges, jnp.zeros_like(edges))
    x = jax.lax.fori_loop(0, ITERATIONS[several], iterate, state)[0]
    return phase * jax.lax.complex(*x)


def _fit_one(scan: Scan) -> Fit:
    """The least-squares problem for one coil whose map is 1, in closed form: two transforms."""
    kspace, mask, _ = scan.measured
    gains = _gains(mask.shape[1:])
    y = orthonormal_fft(ifft2c(kspace[:, 0]), AXES)  # zero frequency first
    mask = jnp.fft.ifftshift(mask, axes=AXES)
    share = mask / jnp.maximum(mask + _penalty(scan) * gains, SMALLEST)  # of y, against D^+ v

    def fit(x: jax.Array, wanted: jax.Array) -> jax.Array:
        k = _inverse_differences(x, wanted, gains)
        return _parts(orthonormal_fft(k + share * (y - k), AXES, inverse=True))

    return fit


def _fit_several(scan: Scan) -> Fit:
    measured = scan.measured
    gains = _gains(measured.mask.shape[1:])
    weight = _penalty(scan) * np.fft.fftshift(gains, axes=AXES)

    def fit(x: jax.Array, wanted: jax.Array) -> jax.Array:
        k = _inverse_differences(x, wanted, gains)
        near = orthonormal_fft(k, AXES, inverse=True)
        return _parts(consistent(near, weight, measured, STEPS))

    return fit


def _penalty(scan: Scan) -> jax.Array:
    return (PENALTY[0] + PENALTY[1] * jnp.square(scan.noise))[:, None, None]


def _gains(shape: tuple[int, int]) -> np.ndarray:
    """Squared transfer functions of the differences, zero frequency first: [1, H, W]."""
    y, x = (2 * np.pi * np.fft.fftfreq(n) for n in shape)
    gains = [
        (2 - 2 * np.cos(down * y[:, None] + right * x)) / (down**2 + right**2)
        for down, right in NEIGHBORS
    ]
    return np.sum(gains, axis=0).astype(np.float32)[None]


def _inverse_differences(x: jax.Array, edges: jax.Array, gains: np.ndarray) -> jax.Array:
    """The Fourier transform of D^+ edges with the mean of x: [B, H, W], zero frequency first."""
    inverse = np.where(gains > 0, 1 / np.maximum(gains, 1e-9), 0).astype(np.float32)
    k = orthonormal_fft(jax.lax.complex(*_differences_adjoint(edges)), AXES) * inverse
    zero = jax.lax.complex(*jnp.sum(x, axis=AXES)) / np.float32(gains.size**0.5)
    return k.at[:, 0, 0].set(zero)


def _parts(image: jax.Array) -> jax.Array:
    """Real and imaginary part, which CPUs compute with faster: [B, H, W] -> [2, B, H, W]."""
    return jnp.stack([image.real, image.imag])


def _differences(x: jax.Array) -> jax.Array:
    """Slopes towards neighbors, around the edge: [2, B, H, W] -> [4, 2, B, H, W]."""
    slopes = [
        (_from_neighbor(x, down, right) - x) / _length(down, right) for down, right in NEIGHBORS
    ]
    return jnp.stack(slopes)


def _differences_adjoint(edges: jax.Array) -> jax.Array:
    """[4, 2, B, H, W] -> [2, B, H, W]."""
    back = [
        (_from_neighbor(edge, -down, -right) - edge) / _length(down, right)
        for edge, (down, right) in zip(edges, NEIGHBORS, strict=True)
    ]
    return sum(back[1:], back[0])


def _length(down: int, right: int) -> np.float32:
    return np.float32(np.hypot(down, right))


def _from_neighbor(x: jax.Array, down: int, right: int) -> jax.Array:
    """The pixel so far down and right, around the edge: sliced, which XLA fuses, not rolled."""
    H, W = x.shape[-2:]
    around = [(0, 0)] * (x.ndim - 2) + [(max(-n, 0), max(n, 0)) for n in (down, right)]
    padded = jnp.pad(x, around, mode="wrap")
    top, left = max(down, 0), max(right, 0)
    return padded[..., top : top + H, left : left + W]


STARTS: dict[str, Callable[[Scan], jax.Array]] = {
    "zero_filled": zero_filled,
    "sense": sense,
    "sparse": sparse,
}
