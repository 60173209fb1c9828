"""From a record to an example: crop, resize, draw a task, undersample, scale.

k-space is simulated from the magnitude image, as MR-IPT's protocol says: the example's
zero-filled image is |ifft(mask * fft(image))|.
"""

import dataclasses
import hashlib

import numpy as np
from PIL import Image

from mript_jax.data.batch import empty_example
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import Task
from mript_jax.physics.undersample import zero_filled_image

SMALLEST_MAXIMUM = 1e-12  # a slice below it is empty


@dataclasses.dataclass(frozen=True)
class ExampleMaker:
    """Makes an example of a record and a task; the same arguments give the same example."""

    shape: tuple[int, int]
    crop: int = 0
    scale: str = "target"
    fields: tuple[str, ...] = ()

    def __call__(self, record: Record, task: Task, mask_seed: int) -> dict[str, np.ndarray]:
        image = normalise(fit(record.image, self.crop, self.shape))
        mask = sample_mask(
            task.pattern, self.shape, task.acceleration, task.center_fraction, mask_seed
        )
        zero_filled = np.abs(zero_filled_image(image, mask))
        scale = scale_of(zero_filled if self.scale == "zero_filled" else image)
        example = {
            "zero_filled": (zero_filled / scale)[..., None],
            "target": (image / scale)[..., None],
            "mask": mask,
            "pattern_index": np.int32(task.pattern_index),
            "level_index": np.int32(task.level_index),
            "acceleration": np.float32(task.acceleration),
            "center_fraction": np.float32(task.center_fraction),
            "scale": scale,
            "weight": np.float32(1.0),
        }
        if "kspace" in self.fields:
            kspace = fft2c(image)  # [H, W]
            parts = np.stack([kspace.real, kspace.imag], axis=-1)
            example["kspace"] = (parts / scale).astype(np.float32)
        return example


@dataclasses.dataclass(frozen=True)
class RandomExample:
    """For training: the task is drawn uniformly."""

    maker: ExampleMaker
    tasks: tuple[Task, ...]

    def __call__(
        self, record: Record | BrokenRecord, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        task = self.tasks[rng.integers(len(self.tasks))]
        seed = int(rng.integers(2**31))
        if isinstance(record, BrokenRecord):
            return empty_example(self.maker.shape, self.maker.fields)
        return self.maker(record, task, seed)


def volume_seed(volume: str, seed: int = 0) -> int:
    """The mask seed of a volume in evaluation: every slice, and every run, has the same mask."""
    digest = hashlib.blake2b(f"{seed}/{volume}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def fit(image: np.ndarray, crop: int, shape: tuple[int, int]) -> np.ndarray:
    """Center-crops to `crop` (zero-padding where smaller; 0: no crop) and resizes to `shape`."""
    if crop:
        image = center_crop(image, (crop, crop))
    if image.shape == tuple(shape):
        return image.astype(np.float32)
    picture = Image.fromarray(np.ascontiguousarray(image, np.float32), mode="F")
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BILINEAR))


def center_crop(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The central part of the last two axes, with zeros where the image is smaller."""
    for axis, wanted in zip((-2, -1), shape, strict=True):
        have = image.shape[axis]
        if have > wanted:
            start = (have - wanted) // 2
            image = np.take(image, range(start, start + wanted), axis=axis)
        elif have < wanted:
            padding = [(0, 0)] * image.ndim
            before = (wanted - have) // 2
            padding[axis] = (before, wanted - have - before)
            image = np.pad(image, padding)
    return image


def normalise(image: np.ndarray) -> np.ndarray:
    """The image over its maximum; an empty one becomes zeros."""
    maximum = float(image.max())
    if maximum < SMALLEST_MAXIMUM:
        return np.zeros_like(image)
    return image / np.float32(maximum)


def scale_of(image: np.ndarray) -> np.float32:
    """What to divide by so that the maximum becomes 1; 1 for an empty image."""
    maximum = np.float32(image.max())
    return maximum if maximum >= SMALLEST_MAXIMUM else np.float32(1.0)
