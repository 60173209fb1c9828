"""Data consistency of the unrolled model's cascades: hard, soft or by a gradient step.

That of the networks of magnitude images is in consistency.py.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.measurement import Measurement, gradient, solve

FIRST_ERROR = 0.1  # assumed error of an estimate, of the image's maximum, before training
LARGEST = 1.0  # weight: of consistency with the estimate against 1 of a measured sample


class Scan(NamedTuple):
    """The measured samples, in units in which the zero-filled image's maximum is 1."""

    measured: Measurement
    noise: jax.Array  # [B]


def consistent(near: jax.Array, weight: jax.Array, measured: Measurement, steps: int) -> jax.Array:
    """`solve`, in closed form for one coil, whose map is nothing but a phase."""
    kspace, mask, maps = measured
    assert maps is not None
    if kspace.shape[1] > 1:
        return solve(near, weight, kspace, mask, sensitivities=maps, steps=steps)
    phase = maps[:, 0]
    return phase.conj() * solve(phase * near, weight, kspace, mask)


class Adaptive(nn.Module):
    """min |M F S x - y|^2 + w(k) |F (x - near)|^2 with w = noise variance / error variance.

    The network's error at each radius of k-space is learned, as a function of the condition. With
    noise going to 0 consistency becomes hard, whatever was trained on.
    """

    steps: int

    @nn.compact
    def __call__(
        self, x: jax.Array, change: jax.Array, scan: Scan, condition: jax.Array
    ) -> jax.Array:
        H, W = x.shape[1:]
        y, z = ((np.arange(n) - n // 2) / (n / 2) for n in (H, W))
        radius = np.hypot(y[:, None], z).astype(np.float32)[None]
        shape = nn.Dense(3, kernel_init=nn.initializers.zeros, name="error")(condition)
        a, b, c = (s[:, None, None] for s in jnp.moveaxis(shape, -1, 0))
        log_error = np.log(FIRST_ERROR) + a + b * radius + c * jnp.square(radius)
        log_noise = jnp.log(scan.noise + 1e-7)[:, None, None]
        weight = jnp.minimum(jnp.exp(2.0 * (log_noise - log_error)), LARGEST)
        return consistent(x + change, weight, scan.measured, self.steps)


class Learned(nn.Module):
    """The same with one learned weight, as in MoDL."""

    steps: int

    @nn.compact
    def __call__(
        self, x: jax.Array, change: jax.Array, scan: Scan, condition: jax.Array
    ) -> jax.Array:
        log_weight = self.param("log_weight", nn.initializers.constant(np.log(0.05)), ())
        weight = jnp.full(x.shape[:1], jnp.exp(log_weight))
        return consistent(x + change, weight, scan.measured, self.steps)


class Hard(nn.Module):
    """Hard data consistency, as in D5C5: measured samples replace the estimate's."""

    steps: int

    def __call__(
        self, x: jax.Array, change: jax.Array, scan: Scan, condition: jax.Array
    ) -> jax.Array:
        return consistent(x + change, jnp.zeros(x.shape[:1]), scan.measured, self.steps)


class Gradient(nn.Module):
    """A step down the gradient of learned length beside the network's, as in E2E-VarNet."""

    steps: int

    @nn.compact
    def __call__(
        self, x: jax.Array, change: jax.Array, scan: Scan, condition: jax.Array
    ) -> jax.Array:
        length = self.param("length", nn.initializers.ones, ())
        return x + change - length * gradient(x, *scan.measured)


CONSISTENCIES: dict[str, type[nn.Module]] = {
    "adaptive": Adaptive,
    "learned": Learned,
    "hard": Hard,
    "gradient": Gradient,
}
