"""Data consistency of the networks of magnitude images: mript, recon_vit and unet.

That of the unrolled model, hard to soft, is in unrolled_consistency.py; simmim keeps measured
samples as they are (`filled_kspace`). The mathematics is in physics/measurement.py.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mript_jax.batch import Batch, read_field
from mript_jax.errors import UserError
from mript_jax.physics.coils import estimate_sensitivities
from mript_jax.physics.measurement import Measurement, gradient
from mript_jax.physics.phase import low_resolution_phase


def fields_for(iterations: int) -> tuple[str, ...]:
    """The optional batch fields that `reconstruct` reads."""
    return ("kspace",) if iterations else ()


def reconstruct(
    network: Callable[[jax.Array], jax.Array], batch: Batch, iterations: int
) -> jax.Array:
    """The reconstructed images [B, H, W, 1] of a batch; `network` maps such images to such images.

    `iterations` is the number of cascades, each the network and a gradient step of data
    consistency, x - A*(A x - y) with A = M F S. For one coil it is hard data consistency: the
    measured samples replace those of the estimate, until the magnitude is taken for the next
    cascade. 0, the default, is the network alone.
    """
    image = batch["zero_filled"]  # [B, H, W, 1]
    if iterations == 0:
        return network(image)
    measured = _measurement(batch)
    phase = low_resolution_phase(*measured)  # magnitudes have none
    for _ in range(iterations):
        estimate = network(image)[..., 0] * phase  # [B, H, W]
        image = absolute(estimate - gradient(estimate, *measured))[..., None]
    return image


def _measurement(batch: Batch) -> Measurement:
    """The measurement of a batch; maps that it lacks are those of the autocalibration region."""
    kspace, mask = jnp.asarray(read_field(batch, "kspace")), jnp.asarray(batch["mask"])
    if "sensitivities" in batch:
        return Measurement(kspace, mask, jnp.asarray(batch["sensitivities"]))
    if kspace.shape[1] == 1:
        return Measurement(kspace, mask)
    return Measurement(kspace, mask, estimate_sensitivities(kspace, mask))


def single_coil(kspace: jax.Array) -> jax.Array:
    """[B, 1, H, W] -> [B, H, W]; a UserError for several coils."""
    if kspace.shape[1] != 1:
        raise UserError(f"this model takes k-space of one coil, not of {kspace.shape[1]}")
    return kspace[:, 0]


def absolute(x: jax.Array) -> jax.Array:
    """Magnitude with a finite gradient at zero."""
    return jnp.sqrt(jnp.square(x.real) + jnp.square(x.imag) + 1e-12)
