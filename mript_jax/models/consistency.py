"""Networks that take turns with what was measured."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from mript_jax.physics.measurement import solve
from mript_jax.physics.phase import low_resolution_phase


def reconstruct(
    network: Callable[[jax.Array], jax.Array], batch: Mapping[str, jax.Array], iterations: int
) -> jax.Array:
    """The batch's images [B, H, W, 1], from a network that maps such images to such images.

    With `iterations` = 0 this is the network alone. Otherwise the network and data consistency
    take turns so often: what was measured is put back into k-space.
    """
    image = batch["zero_filled"]  # [B, H, W, 1]
    if iterations == 0:
        return network(image)
    mask = batch["mask"]
    kspace = mask * jax.lax.complex(batch["kspace"][..., 0], batch["kspace"][..., 1])
    phase = low_resolution_phase(kspace, mask)
    for _ in range(iterations):
        estimate = network(image)[..., 0] * phase
        image = absolute(solve(estimate, 0.0, kspace[:, None], mask))[..., None]
    return image


def absolute(x: jax.Array) -> jax.Array:
    """Magnitude with a finite gradient at zero."""
    return jnp.sqrt(jnp.square(x.real) + jnp.square(x.imag) + 1e-12)
