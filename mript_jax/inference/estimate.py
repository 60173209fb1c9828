"""Reconstructed images with how well they explain the measured samples."""

from typing import NamedTuple

import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.coils import combine, estimate_sensitivities
from mript_jax.physics.espirit import sensitivity_maps
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.measurement import Measurement, gradient, residual

PHASE_STEPS = 10  # towards the phase that fits the measured samples best


class Estimate(NamedTuple):
    images: np.ndarray  # [S, H, W] magnitudes
    residuals: np.ndarray  # [S], ||M F S x - y|| / ||y||


def measurement(kspace: np.ndarray, masks: np.ndarray) -> Measurement[np.ndarray]:
    """The scan of slices [S, C, H, W] with masks [S, H, W], with its coil sensitivity maps."""
    kspace = kspace * masks[:, None]
    if kspace.shape[1] == 1:
        return Measurement(kspace, masks)
    maps = [_maps(*of_one) for of_one in zip(kspace, masks, strict=True)]
    return Measurement(kspace, masks, np.stack(maps))


def magnitude_residuals(images: np.ndarray, measured: Measurement[np.ndarray]) -> np.ndarray:
    """The residuals [S] of magnitude images [S, H, W] with the phase that fits nearly best."""
    phase = combine(ifft2c(measured.kspace), measured.sensitivities)
    for _ in range(PHASE_STEPS):
        image = images * np.exp(1j * np.angle(phase))
        phase = image - gradient(image, *measured)
    return residual(images * np.exp(1j * np.angle(phase)), *measured)


def _maps(kspace: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """ESPIRiT's maps [C, H, W]; low-resolution ones where the calibration region is too small."""
    try:
        return sensitivity_maps(kspace, mask)
    except UserError:
        return estimate_sensitivities(kspace, mask)
