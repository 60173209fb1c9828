"""A checkpoint as a function: k-space or zero-filled images in, reconstructed images out.

Images keep their own size: they are zero-padded to a multiple of the model's patch and cropped
back. The scale comes from the zero-filled image, since nobody has the target's, and is restored.
"""

import logging
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from mript_jax.checkpoint import load_config, load_params
from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.recognise import Recognised, recognise_kspace, recognise_mask
from mript_jax.physics.tasks import nearest_level

log = logging.getLogger(__name__)

BATCH_SIZE = 8
SMALLEST_MAXIMUM = 1e-12


def load(checkpoint: str | Path) -> "Reconstruction":
    """Loads a training folder, one step in it, or what convert.py wrote."""
    return Reconstruction(load_config(checkpoint), load_params(checkpoint))


class Reconstruction:
    """`recon(data, mask=None)`: [H, W] or [B, H, W] in, the same axes out, NumPy both ways."""

    def __init__(self, config: ConfigDict, params: Any):
        self.config = config
        self._model = build_model(config.model)
        self._params = jax.device_put(params)
        self._predict = jax.jit(
            lambda params, batch: self._model.apply({"params": params}, batch, method="on_batch")
        )

    def __call__(
        self,
        data: np.ndarray,
        mask: np.ndarray | None = None,
        pattern: str | None = None,
        acceleration: float | None = None,
    ) -> np.ndarray:
        """Reconstructs complex centered k-space, or magnitudes of zero-filled images.

        `mask` ([W] or [H, W]) says what was sampled; without it, k-space tells by its zeros and
        an image by its spectrum. `pattern` and `acceleration` overrule what is recognised.
        """
        data = np.asarray(data)
        if data.ndim not in (2, 3):
            raise UserError(f"expected [H, W] or [B, H, W], got an array of shape {data.shape}")
        if not np.isfinite(data).all():
            raise UserError("the input holds NaN or infinity")
        stack = data if data.ndim == 3 else data[None]
        mask = self._full_mask(stack, mask)
        if np.iscomplexobj(stack):
            zero_filled = np.abs(ifft2c(stack * mask))
        else:
            zero_filled = np.abs(stack)
        result = self.from_zero_filled(zero_filled, mask, pattern, acceleration)
        return result if data.ndim == 3 else result[0]

    def from_multicoil(self, kspace: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Reconstructs [S, C, H, W] k-space to [S, H, W]: root-sum-of-squares, then the model."""
        mask = self._full_mask(kspace, mask)
        zero_filled = root_sum_of_squares(ifft2c(kspace * mask), axis=1)
        return self.from_zero_filled(zero_filled, mask)

    def from_zero_filled(
        self,
        zero_filled: np.ndarray,
        mask: np.ndarray,
        pattern: str | None = None,
        acceleration: float | None = None,
    ) -> np.ndarray:
        """Reconstructs magnitudes [S, H, W] whose k-space was sampled at `mask`, which may be larger."""
        task = self.task_of(recognise_mask(mask), pattern, acceleration)
        shape = zero_filled.shape[1:]
        padded = _pad(zero_filled.astype(np.float32), self._patch())
        scale = np.maximum(padded.max(axis=(1, 2)), SMALLEST_MAXIMUM)
        scale = np.where(scale > SMALLEST_MAXIMUM, scale, 1.0).astype(np.float32)
        results = []
        for start in range(0, len(padded), BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            batch = self._batch(padded[part] / scale[part, None, None], mask, task)
            image = np.asarray(self._predict(self._params, batch))[..., 0]
            results.append(image[: len(scale[part])] * scale[part, None, None])
        return _crop(np.concatenate(results), shape)

    def task_of(
        self, seen: Recognised, pattern: str | None = None, acceleration: float | None = None
    ) -> dict[str, float]:
        """The nearest task the model was trained on, and the numbers that describe this one."""
        data = self.config.data
        pattern = pattern or seen.pattern
        acceleration = acceleration or seen.acceleration
        if pattern not in data.patterns:
            log.warning(
                "the sampling pattern %s is not among those trained on (%s); using %s",
                pattern,
                ", ".join(data.patterns),
                data.patterns[0],
            )
            pattern = data.patterns[0]
        if not min(data.accelerations) <= acceleration <= max(data.accelerations):
            log.warning("acceleration %.1f is outside the range trained on", acceleration)
        return {
            "pattern_index": list(data.patterns).index(pattern),
            "level_index": nearest_level(acceleration, data.accelerations),
            "acceleration": acceleration,
            "center_fraction": seen.center_fraction,
        }

    def _full_mask(self, stack: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        shape = stack.shape[-2:]
        if mask is None:
            kspace = stack if np.iscomplexobj(stack) else fft2c(stack)
            return recognise_kspace(kspace)
        mask = np.asarray(mask, np.float32)
        try:
            return np.broadcast_to(mask, shape)
        except ValueError:
            raise UserError(f"a mask of shape {mask.shape} does not fit data of {shape}") from None

    def _batch(self, zero_filled: np.ndarray, mask: np.ndarray, task: dict) -> dict:
        missing = BATCH_SIZE - len(zero_filled)
        zero_filled = np.pad(zero_filled, ((0, missing), (0, 0), (0, 0)))[..., None]
        shape = zero_filled.shape[:3]

        def each(value, dtype):
            return np.full(BATCH_SIZE, value, dtype)

        return {
            "zero_filled": zero_filled,
            "mask": np.broadcast_to(_fit_mask(mask, shape[1:]), shape),
            "pattern_index": each(task["pattern_index"], np.int32),
            "level_index": each(task["level_index"], np.int32),
            "acceleration": each(task["acceleration"], np.float32),
            "center_fraction": each(task["center_fraction"], np.float32),
        }

    def _patch(self) -> tuple[int, int]:
        patch = self.config.model.get("patch_size", 1)
        return (patch, patch) if isinstance(patch, int) else tuple(patch)


def _pad(images: np.ndarray, multiple: tuple[int, int]) -> np.ndarray:
    """Zero-pads the last two axes, on both sides, to a multiple."""
    padding = [(0, 0)]
    for size, m in zip(images.shape[1:], multiple, strict=True):
        missing = -size % m
        padding.append((missing // 2, missing - missing // 2))
    return np.pad(images, padding)


def _crop(images: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    top, left = ((have - want) // 2 for have, want in zip(images.shape[1:], shape, strict=True))
    return images[:, top : top + shape[0], left : left + shape[1]]


def _fit_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The mask on a k-space grid of another size: the nearest sample."""
    rows, columns = (
        np.clip(((np.arange(n) + 0.5) * m / n).astype(int), 0, m - 1)
        for n, m in zip(shape, mask.shape, strict=True)
    )
    return np.asarray(mask[np.ix_(rows, columns)], np.float32)
