"""Networks of magnitude images in alternation with data consistency."""

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
    """The batch's images [B, H, W, 1], from a network that maps such images to such images.

    With `iterations` = 0 this is the network alone. Otherwise the network and data consistency
    take turns so often: what was measured is put back into k-space.
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
    """[B, 1, H, W] -> [B, H, W]; several coils are refused."""
    if kspace.shape[1] != 1:
        raise UserError(f"this model takes k-space of one coil, not of {kspace.shape[1]}")
    return kspace[:, 0]


def absolute(x: jax.Array) -> jax.Array:
    """Magnitude with a finite gradient at zero."""
    return jnp.sqrt(jnp.square(x.real) + jnp.square(x.imag) + 1e-12)
