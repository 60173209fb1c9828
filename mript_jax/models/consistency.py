"""Cascades of a network of magnitude images and hard data consistency, for one coil."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mript_jax.batch import Batch, read_field
from mript_jax.errors import UserError
from mript_jax.physics.measurement import solve
from mript_jax.physics.phase import low_resolution_phase


def fields_for(iterations: int) -> tuple[str, ...]:
    """The optional batch fields that `reconstruct` reads."""
    return ("kspace",) if iterations else ()


def reconstruct(
    network: Callable[[jax.Array], jax.Array], batch: Batch, iterations: int
) -> jax.Array:
    """The reconstructed images [B, H, W, 1] of a batch; `network` maps such images to such images.

    `iterations` is the number of cascades, each the network and hard data consistency: the measured
    samples replace those of the estimate. 0 is the network alone.
    """
    image = batch["zero_filled"]  # [B, H, W, 1]
    if iterations == 0:
        return network(image)
    kspace, mask = single_coil(read_field(batch, "kspace")), batch["mask"]  # [B, H, W]
    phase = low_resolution_phase(kspace, mask)
    for _ in range(iterations):
        estimate = network(image)[..., 0] * phase
        image = absolute(solve(estimate, 0.0, kspace[:, None], mask))[..., None]
    return image


def single_coil(kspace: jax.Array) -> jax.Array:
    """[B, 1, H, W] -> [B, H, W]; a UserError for several coils."""
    if kspace.shape[1] != 1:
        raise UserError(f"this model takes k-space of one coil, not of {kspace.shape[1]}")
    return kspace[:, 0]


def absolute(x: jax.Array) -> jax.Array:
    """Magnitude with a finite gradient at zero."""
    return jnp.sqrt(jnp.square(x.real) + jnp.square(x.imag) + 1e-12)
