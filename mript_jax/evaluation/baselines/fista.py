"""FISTA: the fast iterative shrinkage-thresholding algorithm (Beck and Teboulle, 2009)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from mript_jax.physics.measurement import Measurement, gradient, start

Prox = Callable[[jax.Array, Any], tuple[jax.Array, Any]]  # (image, memory) -> (image, memory)


def fista(measured: Measurement, prox: Prox, memory: Any, iterations: int) -> jax.Array:
    """Minimizes 1/2 |mask fft(S x) - y|^2 + R(x): [B, H, W] complex.

    `prox` is R's proximal operator; its memory, which starts as `memory`, goes from one call to
    the next. The step is 1, since neither the Fourier transform nor S makes an image longer.
    """

    def step(_: int, state: tuple) -> tuple:
        image, ahead, momentum, memory = state
        proposal, memory = prox(ahead - gradient(ahead, *measured), memory)
        next_momentum = (1.0 + jnp.sqrt(1.0 + 4.0 * momentum**2)) / 2.0
        ahead = proposal + (momentum - 1.0) / next_momentum * (proposal - image)
        return proposal, ahead, next_momentum, memory

    first = start(*measured)
    image, *_ = jax.lax.fori_loop(0, iterations, step, (first, first, 1.0, memory))
    return image
