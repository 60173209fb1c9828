"""A checkpoint as a function: k-space or zero-filled images in, reconstructed images out.

Images keep their own size. The scale comes from the zero-filled image, since nobody has the
target's, and is restored.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.errors import UserError
from mript_jax.inference.arrays import (
    check_finite,
    coils_third_last,
    full_mask,
    maps_of,
    same_mask,
    sampled_points,
)
from mript_jax.inference.batch_runner import BatchRunner, parts_of
from mript_jax.inference.coil_maps import estimated_maps
from mript_jax.inference.estimate import (
    Estimate,
    MeasuredSlices,
    magnitude_residuals,
    measurement,
)
from mript_jax.inference.trust import (
    combined_spectrum,
    unlike_sampling,
    unlike_scan,
    unlike_size,
)
from mript_jax.inference.units import in_usual_units
from mript_jax.inference.volumes import Trust
from mript_jax.physics.coils import fitted_maps, root_sum_of_squares
from mript_jax.physics.crop import zero_filled_scan
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.recognition.coils import looks_like_coils
from mript_jax.physics.recognition.image import recognize_image
from mript_jax.physics.recognition.mask import RecognizedMask, recognize_mask
from mript_jax.physics.tasks import Task, nearest_level, nearest_pattern, task_grid

log = logging.getLogger(__name__)


def load(checkpoint: str | Path) -> "Reconstruction":
    """Load a run directory, one step in it, or weights written by `mript convert`."""
    return Reconstruction(load_checkpoint_config(checkpoint), load_params(checkpoint))


class Reconstruction:
    """A trained model with its config, called on arrays: `recon(kspace, mask=None)`."""

    def __init__(self, config: ConfigDict, params: Any):
        self.config = config
        self._run = BatchRunner(config, params)
        model = self._run.model
        self._fills_kspace, self._multi_coil = model.fills_kspace, model.multi_coil
        self._fields = model.batch_fields()
        self._takes_sensitivities = model.takes_sensitivities()

    def __call__(
        self,
        data: np.ndarray,
        mask: np.ndarray | None = None,
        pattern: str | None = None,
        acceleration: float | None = None,
        *,
        coil_axis: int | None = None,
        sensitivities: np.ndarray | None = None,
    ) -> np.ndarray:
        """Reconstruct complex centered k-space, or magnitudes of zero-filled images.

        Args:
          data: complex k-space [H, W] or [S, H, W] of S slices, or with `coil_axis` [C, H, W] or
            [S, C, H, W] (the coil axis anywhere); or zero-filled magnitude images [H, W] or
            [S, H, W].
          mask: the undersampling mask, [W], [H, W], or [S, H, W] with one for each slice. Without
            it, samples of a slice that are zero in all coils count as not measured; of an image,
            a model of k-space counts all samples as measured.
          pattern: the sampling pattern, instead of the one recognized from the mask; for models
            that are told the task (`mript`), others see the mask alone.
          acceleration: the acceleration, likewise.
          coil_axis: the axis of the coils, such as -3.
          sensitivities: coil sensitivity maps of the shape of `data`, or without its slice axis,
            in any scale and relative to any phase; where all are zero the image is. Without them
            they are ESPIRiT's, of the autocalibration region, but for a model that refines its own.

        Returns:
          Magnitude images, float32: [H, W], or [S, H, W] where the data had slices.
        """
        data = np.asarray(data)
        check_finite(data, "the input")
        coils = coil_axis is not None
        if coils and not np.iscomplexobj(data):
            raise UserError("coil_axis is for complex k-space, and the input is real")
        wanted = "[C, H, W] or [S, C, H, W]" if coils else "[H, W] or [S, H, W]"
        if data.ndim not in ((3, 4) if coils else (2, 3)):
            hint = "; coil_axis names the axis of coils" if data.ndim == 4 and not coils else ""
            raise UserError(f"expected {wanted}, got an array of shape {data.shape}{hint}")
        if min(data.shape) < 1:
            raise UserError(f"the input of shape {data.shape} has no samples")
        if sensitivities is not None and not coils:
            raise UserError("sensitivities belong to k-space of several coils; name its coil_axis")
        single = data.ndim == (3 if coils else 2)
        if not np.iscomplexobj(data):
            stack = data[None] if single else data
            result = self._from_magnitudes(stack, mask, pattern, acceleration)
            return result[0] if single else result
        kspace = coils_third_last(data, coil_axis)  # [S, C, H, W]
        if not coils and looks_like_coils(kspace[:, 0]):
            log.warning(
                "the first axis of k-space of shape %s looks like coils and is taken for slices; "
                "coil_axis=-3 says that they are coils",
                data.shape,
            )
        maps = None
        if sensitivities is not None:
            maps = maps_of(np.asarray(sensitivities), data, coil_axis, kspace.shape)
        masks = sampled_points(kspace) if mask is None else mask
        result = self.from_kspace(kspace, masks, pattern, acceleration, sensitivities=maps)
        return result[0] if single else result

    @in_usual_units
    def from_kspace(
        self,
        kspace: np.ndarray,
        mask: np.ndarray,
        pattern: str | None = None,
        acceleration: float | None = None,
        *,
        sensitivities: np.ndarray | None = None,
    ) -> np.ndarray:
        """Reconstruct slices [S, C, H, W] with mask(s) [W], [H, W] or [S, H, W] -> [S, H, W].

        Models of one coil are given the zero-filled root-sum-of-squares image of several coils.
        A warning is logged of each way in which the scan is unlike the training data.
        """
        kspace, masks = np.asarray(kspace), full_mask(mask, kspace.shape[0], kspace.shape[-2:])
        found = self.estimate(kspace, masks, pattern, acceleration, sensitivities=sensitivities)
        for members in same_mask(masks):
            self._warn(recognize_mask(masks[members[0]]), pattern, acceleration)
        _log(combined_spectrum(self._run.model, kspace.shape[1]))
        if len(kspace):
            self._warn_of_scan(kspace, masks, found)
        return found.images

    @in_usual_units
    def estimate_with_residuals(self, kspace: np.ndarray, mask: np.ndarray) -> Estimate:
        """As `estimate`; magnitudes get the phase that fits best, which for coils takes maps."""
        found = self.estimate(kspace, mask)
        if np.isnan(found.residuals).any():
            masks = full_mask(mask, kspace.shape[0], kspace.shape[-2:])
            measured = measurement(np.asarray(kspace), masks)
            return found._replace(residuals=magnitude_residuals(found.images, measured))
        return found

    @in_usual_units
    def estimate(
        self,
        kspace: np.ndarray,
        mask: np.ndarray,
        pattern: str | None = None,
        acceleration: float | None = None,
        *,
        sensitivities: np.ndarray | None = None,
    ) -> Estimate:
        """As `from_kspace`, with the residual of each slice, and without warnings.

        Residuals are NaN of a model whose images have no phase.
        """
        kspace, masks = np.asarray(kspace), full_mask(mask, kspace.shape[0], kspace.shape[-2:])
        if not self._multi_coil:
            images = zero_filled_scan(kspace * masks[:, None])
            images = self._by_mask(images, masks, pattern, acceleration)
            return Estimate(images, np.full(len(images), np.nan))
        results = np.empty((len(kspace), *kspace.shape[-2:]), np.float32)
        residuals = np.empty(len(kspace), np.float32)
        for members in same_mask(masks):
            task = self._task(recognize_mask(masks[members[0]]), pattern, acceleration)
            for part in parts_of(members, kspace[0].size):
                results[part], residuals[part] = self._from_coils(
                    kspace[part],
                    masks[part],
                    task,
                    None if sensitivities is None else sensitivities[part],
                )
        return Estimate(results, residuals)

    @in_usual_units
    def from_zero_filled(
        self,
        images: np.ndarray,
        mask: np.ndarray | None,
        pattern: str | None = None,
        acceleration: float | None = None,
    ) -> np.ndarray:
        """Reconstruct zero-filled images [S, H, W], complex or magnitudes, sampled at `mask`.

        The mask [H, W] or [S, H, W] is that of their k-space. Without one the task is recognized
        from the spectrum of the middle image, and no sample counts as measured; a model that fills
        in k-space then returns the images unchanged.
        """
        _log(unlike_size(self.config, images.shape[1:]))
        if mask is not None:
            masks = full_mask(mask, len(images), images.shape[1:])
            for members in same_mask(masks):
                self._warn(recognize_mask(masks[members[0]]), pattern, acceleration)
            return self._by_mask(images, masks, pattern, acceleration)
        seen = recognize_image(np.abs(images[len(images) // 2]), self._trained_tasks())
        self._warn(seen, pattern, acceleration)
        if self._fills_kspace:
            log.warning("this model fills in k-space and needs a mask; images stay as they are")
        known = np.full(images.shape, self._fills_kspace, np.float32)
        return self._from_images(images, known, self._task(seen, pattern, acceleration))

    def _from_magnitudes(
        self,
        images: np.ndarray,
        mask: np.ndarray | None,
        pattern: str | None,
        acceleration: float | None,
    ) -> np.ndarray:
        if not (self._fills_kspace and self._multi_coil):
            return self.from_zero_filled(images, mask, pattern, acceleration)
        log.warning(
            "this model reconstructs complex k-space; a magnitude image counts as one without phase"
        )
        if mask is None:
            log.warning(
                "without an undersampling mask all of its k-space counts as measured, and aliasing "
                "stays; give the mask, or better the k-space"
            )
            mask = np.ones(images.shape[-2:], np.float32)
        return self.from_kspace(fft2c(images)[:, None], mask, pattern, acceleration)

    def _by_mask(
        self,
        images: np.ndarray,
        masks: np.ndarray,
        pattern: str | None = None,
        acceleration: float | None = None,
    ) -> np.ndarray:
        results = np.empty(images.shape, np.float32)
        for members in same_mask(masks):
            task = self._task(recognize_mask(masks[members[0]]), pattern, acceleration)
            results[members] = self._from_images(images[members], masks[members], task)
        return results

    def _from_images(
        self, images: np.ndarray, masks: np.ndarray, task: Mapping[str, Any]
    ) -> np.ndarray:
        scale = _scale(np.abs(images))
        results = np.empty(images.shape, np.float32)
        for part in parts_of(np.arange(len(images)), images[0].size):
            scaled = images[part] / scale[part]
            batch = {"zero_filled": np.abs(scaled).astype(np.float32)[..., None]}
            if "kspace" in self._fields:
                batch["kspace"] = (fft2c(scaled) * masks[part]).astype(np.complex64)[:, None]
            results[part] = self._run(batch, masks[part], task)[0] * scale[part]
        return results

    def _from_coils(
        self,
        kspace: np.ndarray,
        masks: np.ndarray,
        task: Mapping[str, Any],
        sensitivities: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The images [B, H, W] and residuals [B] of slices with one task."""
        kspace = kspace * masks[:, None]
        zero_filled = root_sum_of_squares(ifft2c(kspace), axis=-3)
        scale = _scale(zero_filled)
        batch = {"zero_filled": (zero_filled / scale).astype(np.float32)[..., None]}
        if "kspace" in self._fields:
            batch["kspace"] = (kspace / scale[:, None]).astype(np.complex64)
        if sensitivities is not None:
            sensitivities = fitted_maps(sensitivities, kspace, masks)
        elif self._takes_sensitivities:
            sensitivities = estimated_maps(kspace, masks)
        if sensitivities is not None:
            batch["sensitivities"] = sensitivities.astype(np.complex64)
        images, residuals = self._run(batch, masks, task)
        return images * scale, residuals

    def _trained_tasks(self) -> tuple[Task, ...]:
        data = self.config.data
        return task_grid(data.patterns, data.accelerations, data.center_fractions)

    def _warn(self, seen: RecognizedMask, pattern: str | None, acceleration: float | None) -> None:
        pattern, acceleration = pattern or seen.pattern, acceleration or seen.acceleration
        _log(unlike_sampling(self.config, pattern, acceleration))

    def _warn_of_scan(self, kspace: np.ndarray, masks: np.ndarray, found: Estimate) -> None:
        """Warn by the middle slice: the noise of every one would take longer than the images."""
        middle = slice(len(kspace) // 2, len(kspace) // 2 + 1)
        slices = MeasuredSlices(kspace[middle] * masks[middle, None], masks[middle])
        residuals, coils = found.residuals[middle], kspace.shape[1]
        if np.isnan(residuals).any() and coils == 1:  # of several it would take maps
            residuals = magnitude_residuals(found.images[middle], slices.measured)
        trust = Trust(residuals, slices.noise_residuals, noise=slices.noise, coils=coils)
        _log(unlike_scan(self.config, trust, np.abs(zero_filled_scan(slices.kspace))))

    def _task(
        self, seen: RecognizedMask, pattern: str | None, acceleration: float | None
    ) -> dict[str, Any]:
        """The nearest task the model was trained on, and the numbers that describe this one."""
        data = self.config.data
        pattern, acceleration = pattern or seen.pattern, acceleration or seen.acceleration
        return {
            "pattern_index": np.int32(nearest_pattern(pattern, data.patterns)),
            "level_index": np.int32(nearest_level(acceleration, data.accelerations)),
            "acceleration": np.float32(acceleration),
            "center_fraction": np.float32(seen.center_fraction),
        }


def _log(lines: Sequence[str]) -> None:
    for line in lines:
        log.warning("%s", line)


def _scale(magnitudes: np.ndarray) -> np.ndarray:
    """The maximum [S, 1, 1] of each image [S, H, W]; 1 for an empty one."""
    scale = magnitudes.max(axis=(1, 2), keepdims=True)
    return np.where(scale > 0, scale, 1.0).astype(np.float32)
