"""A checkpoint as a function: k-space or zero-filled images in, reconstructed images out.

Images keep their own size. The scale comes from the zero-filled image, since nobody has the
target's, and is restored.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from mript_jax.batch import Batch
from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.recognition.image import recognize_image
from mript_jax.physics.recognition.mask import RecognizedMask, recognize_kspace, recognize_mask
from mript_jax.physics.tasks import Task, nearest_level, nearest_pattern, task_grid

log = logging.getLogger(__name__)

BATCH_SIZE = 8


def load(checkpoint: str | Path) -> "Reconstruction":
    """Loads a training folder, one step in it, or what convert.py wrote."""
    return Reconstruction(load_checkpoint_config(checkpoint), load_params(checkpoint))


class Reconstruction:
    """`recon(data, mask=None)`: [H, W] or [B, H, W] in, the same axes out, NumPy both ways."""

    def __init__(self, config: ConfigDict, params: Any):
        self.config = config
        model = build_model(config.model)
        self._params = jax.device_put(params)
        self._fills_kspace = model.fills_kspace
        self._fields = model.batch_fields()
        self._predict = jax.jit(
            lambda params, batch: model.apply({"params": params}, batch, method="predict")
        )

    def __call__(
        self,
        data: np.ndarray,
        mask: np.ndarray | None = None,
        pattern: str | None = None,
        acceleration: float | None = None,
    ) -> np.ndarray:
        """Reconstructs complex centered k-space, or magnitudes of zero-filled images.

        `mask` ([W] or [H, W]) is the undersampling mask; without it, it is recognized from the
        zeros of k-space, or the task from the spectrum of an image. `pattern` and `acceleration`
        overrule what is recognized.
        """
        data = np.asarray(data)
        if data.ndim not in (2, 3):
            raise UserError(f"expected [H, W] or [B, H, W], got an array of shape {data.shape}")
        if not np.isfinite(data).all():
            raise UserError("the input holds NaN or infinity")
        stack = data if data.ndim == 3 else data[None]
        if mask is not None:
            mask = _full_mask(mask, stack.shape[1:])
        elif np.iscomplexobj(stack):
            mask = recognize_kspace(stack)
        images = ifft2c(stack * mask) if np.iscomplexobj(stack) else stack
        result = self.from_zero_filled(images, mask, pattern, acceleration)
        return result if data.ndim == 3 else result[0]

    def from_zero_filled(
        self,
        images: np.ndarray,
        mask: np.ndarray | None,
        pattern: str | None = None,
        acceleration: float | None = None,
    ) -> np.ndarray:
        """Reconstructs zero-filled images [S, H, W], complex or magnitudes, sampled at `mask`.

        The mask [H, W] is that of their k-space. Without one the spectrum of the middle image tells
        the task, and nothing counts as measured; a model that fills in k-space has nothing to do.
        """
        if mask is None:
            seen = recognize_image(np.abs(images[len(images) // 2]), self._trained_tasks())
            known = np.full(images.shape[1:], self._fills_kspace, np.float32)
            if self._fills_kspace:
                log.warning("this model fills in k-space and needs a mask; images stay as they are")
        else:
            seen, known = recognize_mask(mask), _full_mask(mask, images.shape[1:])
        task = self._task(seen, pattern, acceleration)
        scale = np.abs(images).max(axis=(1, 2))
        scale = np.where(scale > 0, scale, 1.0).astype(np.float32)[:, None, None]
        results = []
        for start in range(0, len(images), BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            batch = self._batch(images[part] / scale[part], known, task)
            results.append(np.asarray(self._predict(self._params, batch))[..., 0] * scale[part])
        return np.concatenate(results)

    def _batch(self, images: np.ndarray, mask: np.ndarray, task: Mapping[str, Any]) -> Batch:
        """The batch of zero-filled images [B, H, W], with the k-space that they have at `mask`."""
        batch = {
            "zero_filled": np.abs(images).astype(np.float32)[..., None],
            "mask": np.broadcast_to(mask, images.shape),
        }
        if "kspace" in self._fields:
            batch["kspace"] = (fft2c(images) * mask).astype(np.complex64)[:, None]
        return batch | {name: np.full(len(images), value) for name, value in task.items()}

    def _trained_tasks(self) -> tuple[Task, ...]:
        data = self.config.data
        return task_grid(data.patterns, data.accelerations, data.center_fractions)

    def _task(
        self, seen: RecognizedMask, pattern: str | None, acceleration: float | None
    ) -> dict[str, Any]:
        """The nearest task the model was trained on, and the numbers that describe this one."""
        data = self.config.data
        pattern, acceleration = pattern or seen.pattern, acceleration or seen.acceleration
        index = nearest_pattern(pattern, data.patterns)
        if pattern not in data.patterns:
            log.warning(
                "the sampling pattern %s is not among those trained on (%s); using %s",
                pattern,
                ", ".join(data.patterns),
                data.patterns[index],
            )
        if not 0.9 * min(data.accelerations) < acceleration < 1.1 * max(data.accelerations):
            log.warning("acceleration %.1f is outside the range trained on", acceleration)
        return {
            "pattern_index": np.int32(index),
            "level_index": np.int32(nearest_level(acceleration, data.accelerations)),
            "acceleration": np.float32(acceleration),
            "center_fraction": np.float32(seen.center_fraction),
        }


def _full_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    mask = np.asarray(mask, np.float32)
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise UserError(f"a mask of shape {mask.shape} does not fit data of {shape}") from None
