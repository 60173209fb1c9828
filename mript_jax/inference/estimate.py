"""Reconstructed images with how well they explain the measured samples."""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.coils import combine, estimate_sensitivities
from mript_jax.physics.espirit import sensitivity_maps
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.measurement import Measurement, gradient, residual
from mript_jax.physics.noise import estimate_noise

PHASE_STEPS = 10  # towards the phase that fits the measured samples best
SMALLEST = 1e-12  # norm of k-space that holds anything


class Estimate(NamedTuple):
    images: np.ndarray  # [S, H, W] magnitudes
    residuals: np.ndarray  # [S], ||M F S x - y|| / ||y||


@dataclasses.dataclass(frozen=True)
class MeasuredSlices:
    """Undersampled slices of one size, as every method gets them."""

    kspace: np.ndarray  # [S, C, H, W], 0 where nothing was measured
    masks: np.ndarray  # [S, H, W]

    @functools.cached_property
    def noise(self) -> np.ndarray:
        """The noise level [S]."""
        pairs = zip(self.kspace, self.masks, strict=True)
        return np.array([estimate_noise(*of_one) for of_one in pairs], np.float32)

    @property
    def noise_residuals(self) -> np.ndarray:
        """The residual [S] that the noise alone leaves, of an image without error."""
        size = np.linalg.norm(self.kspace.reshape(len(self.kspace), -1), axis=1)
        count = self.kspace.shape[1] * self.masks.sum(axis=(1, 2))
        return self.noise * np.sqrt(2 * count) / np.maximum(size, SMALLEST)

    @functools.cached_property
    def measured(self) -> Measurement[np.ndarray]:
        """The linear model, with coil sensitivity maps."""
        return measurement(self.kspace, self.masks)


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
