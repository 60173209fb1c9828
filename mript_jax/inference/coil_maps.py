"""The coil sensitivity maps that networks are given, for a scan in use and in evaluation alike."""

import logging

import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.espirit import sensitivity_maps

log = logging.getLogger(__name__)


def maps_for_network(kspace: np.ndarray, masks: np.ndarray) -> np.ndarray | None:
    """ESPIRiT's maps [S, C, H, W] of k-space [S, C, H, W], undersampled at masks [S, H, W].

    None where the network's own maps serve: of one coil, of fully sampled k-space, and where the
    autocalibration region is too small for ESPIRiT.
    """
    if kspace.shape[1] == 1 or masks.all():
        return None
    try:
        return np.stack([sensitivity_maps(*of_one) for of_one in zip(kspace, masks, strict=True)])
    except UserError as error:
        log.warning("%s; low-resolution maps are used", error)
        return None
