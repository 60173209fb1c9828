"""The coil sensitivity maps that networks are given, for a scan in use and in evaluation alike."""

import logging

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.coils import estimate_sensitivities
from mript_jax.physics.espirit import sensitivity_maps
from mript_jax.physics.fourier import Array

log = logging.getLogger(__name__)


def estimated_maps(kspace: np.ndarray, masks: np.ndarray) -> np.ndarray | None:
    """Maps [S, C, H, W] for a network without any of the user's: ESPIRiT's, filled, or None."""
    maps = espirit_maps(kspace, masks)
    return None if maps is None else filled_maps(maps, kspace, masks)


def espirit_maps(kspace: np.ndarray, masks: np.ndarray) -> np.ndarray | None:
    """ESPIRiT's maps [S, C, H, W] of k-space [S, C, H, W], undersampled at masks [S, H, W].

    None where a network's own maps serve: of one coil, of fully sampled k-space, and where the
    autocalibration region is too small for ESPIRiT.
    """
    if kspace.shape[1] == 1 or masks.all():
        return None
    try:
        return np.stack([sensitivity_maps(*of_one) for of_one in zip(kspace, masks, strict=True)])
    except UserError as error:
        log.warning("%s; low-resolution maps are used", error)
        return None


def filled_maps(maps: Array, kspace: Array, masks: Array) -> Array:
    """Maps [S, C, H, W] with low-resolution ones where ESPIRiT sees no object.

    It leaves out dark tissue too, which a network then cannot show.
    """
    xp = jnp if isinstance(maps, jax.Array) else np
    seen = xp.any(maps != 0, axis=1, keepdims=True)
    return xp.where(seen, maps, estimate_sensitivities(kspace, masks))
