"""From a record and a task to an example: crop, resize, undersample, scale.

k-space is simulated from the magnitude image, as MR-IPT's protocol says: the example's
zero-filled image is |ifft(mask * fft(image))|. Noise and artifacts are added to what is measured;
the target stays as it is. Where a record has measured k-space, that can be undersampled instead, or
the image with the phase that was measured. Complex k-space of several coils: data/scans.py.
"""

import dataclasses
import hashlib
from typing import Any

import numpy as np
from PIL import Image

from mript_jax.data.records import BrokenRecord, Record
from mript_jax.physics.artifacts import add_artifact
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.crop import center_crop, complex_image
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.measurement import zero_filled_image
from mript_jax.physics.tasks import Task

SMALLEST_MAXIMUM = 1e-12  # a slice below it is empty


@dataclasses.dataclass(frozen=True)
class ExampleMaker:
    """Makes an example of a record and a task; the same arguments give the same example."""

    shape: tuple[int, int]
    crop: int = 0
    normalize_by: str = "zero_filled"  # whose maximum; or "target"
    fields: tuple[str, ...] = ()  # the optional ones of the batch that examples have
    axis: int = -1  # the phase-encoding direction
    partial_fourier: float = 1.0
    noise: float = 0.0  # standard deviation of complex noise, of the image's maximum
    artifacts: tuple[tuple[str, float], ...] = ()  # names and severities, in order
    undersampling: str = "image"  # or "complex", "kspace", where records have measured k-space
    coils: int = 1  # of the example's k-space; an image has one

    def __call__(self, record: Record, task: Task, mask_seed: int) -> dict[str, Any]:
        measured = self.undersampling if record.kspace is not None else "image"
        if measured == "complex":
            full = fit(complex_image(full_kspace(record), record.size), self.crop, self.shape)
            image = np.abs(full)
        else:
            image = fit(record.reference, self.crop, self.shape)
        maximum = scale_of(image)
        image = normalize(image)
        full = full / maximum if measured == "complex" else image
        rng = np.random.default_rng([mask_seed, 1])
        if measured == "kspace":
            kspace = full_kspace(record)
            mask = self._mask(task, kspace.shape[-2:], mask_seed)
            images = ifft2c(mask * self._measure(kspace / maximum, rng))  # [C, H', W']
            combined = root_sum_of_squares(center_crop(images, record.size), axis=0)
            zero_filled = fit(combined, self.crop, self.shape)
            mask = nearest_points(mask, self.shape)
        else:
            mask = self._mask(task, self.shape, mask_seed)
            if self.noise or self.artifacts or {"kspace", "full_kspace"} & set(self.fields):
                kspace = fft2c(full)  # [H, W]
                sampled = self._measure(kspace, rng)
                zero_filled = np.abs(ifft2c(mask * sampled))
            else:
                zero_filled = np.abs(zero_filled_image(full, mask))
        example = self._example(task, mask, zero_filled, image)
        scale = example["scale"]
        if "kspace" in self.fields:
            example["kspace"] = (mask * sampled / scale)[None]  # [1, H, W]
        if "full_kspace" in self.fields:
            example["full_kspace"] = (np.where(mask > 0, sampled, kspace) / scale)[None]
        if "sensitivities" in self.fields:
            example["sensitivities"] = np.ones((1, *self.shape), np.complex64)
        if "noise_level" in self.fields:
            example["noise_level"] = np.float32(self.noise) / scale
        return example

    def _example(
        self, task: Task, mask: np.ndarray, zero_filled: np.ndarray, target: np.ndarray
    ) -> dict[str, Any]:
        """The fields that every example has."""
        scale = scale_of(zero_filled if self.normalize_by == "zero_filled" else target)
        return {
            "zero_filled": (zero_filled / scale)[..., None],
            "target": (target / scale)[..., None],
            "mask": mask,
            "pattern_index": np.int32(task.pattern_index),
            "level_index": np.int32(task.level_index),
            "acceleration": np.float32(task.acceleration),
            "center_fraction": np.float32(task.center_fraction),
            "scale": scale,
            "weight": np.float32(1.0),
        }

    def _mask(self, task: Task, shape: tuple[int, int], seed: int) -> np.ndarray:
        asked = (task.pattern, shape, task.acceleration, task.center_fraction, seed)
        return sample_mask(*asked, self.axis, self.partial_fourier)

    def _measure(self, kspace: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Its k-space as a scanner would have measured it: with noise and artifacts."""
        for name, severity in self.artifacts:
            transposed = self.axis == -2  # artifacts have phase encoding along the last axis
            kspace = kspace.swapaxes(-2, -1) if transposed else kspace
            kspace = add_artifact(name, kspace, severity, rng)
            kspace = kspace.swapaxes(-2, -1) if transposed else kspace
        if self.noise:
            parts = rng.standard_normal((2, *kspace.shape), np.float32)
            kspace = kspace + np.float32(self.noise) * (parts[0] + 1j * parts[1])
        return kspace


def volume_seed(volume: str, seed: int = 0) -> int:
    """The mask seed of a volume in evaluation: every slice, and every run, has the same mask."""
    digest = hashlib.blake2b(f"{seed}/{volume}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def full_kspace(record: Record) -> np.ndarray:
    """The measured k-space [C, H, W], which must be fully sampled to undersample and learn from."""
    assert record.kspace is not None
    if not is_fully_sampled(record):
        raise BrokenRecord(record.volume, "is undersampled, so it has no k-space to learn from")
    return record.kspace


def is_fully_sampled(record: Record) -> bool:
    return record.mask is None or bool(np.all(record.mask))


def fit(image: np.ndarray, crop: int, shape: tuple[int, int]) -> np.ndarray:
    """Center-crops to `crop` (zero-padding where smaller; 0: no crop) and resizes to `shape`."""
    if np.iscomplexobj(image):
        return fit(image.real, crop, shape) + 1j * fit(image.imag, crop, shape)
    if crop:
        image = center_crop(image, (crop, crop))
    if image.shape == tuple(shape):
        return image.astype(np.float32)
    picture = Image.fromarray(np.ascontiguousarray(image, np.float32), mode="F")
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BILINEAR))


def nearest_points(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A mask of another k-space, brought to this shape: as dense, not the same points."""
    rows, columns = (np.arange(n) * m // n for n, m in zip(shape, mask.shape, strict=True))
    return np.ascontiguousarray(mask[rows][:, columns])


def normalize(image: np.ndarray) -> np.ndarray:
    """The image over its maximum; an empty one becomes zeros."""
    maximum = float(image.max())
    if maximum < SMALLEST_MAXIMUM:
        return np.zeros_like(image)
    return image / np.float32(maximum)


def scale_of(image: np.ndarray) -> np.float32:
    """The divisor by which the maximum becomes 1; 1 for an empty image."""
    maximum = np.float32(image.max())
    return maximum if maximum >= SMALLEST_MAXIMUM else np.float32(1.0)
