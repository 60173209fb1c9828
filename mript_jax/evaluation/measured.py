"""Batches of measured k-space at its own size, for the protocol `fastmri_official`.

A batch holds slices of one volume. Beside the usual fields it has `maximum`, the volume's, and on
demand `coil_kspace` [B, C, H', W'] complex, what was sampled of each coil; `mask` is [B, H', W'],
of k-space, which has its readout oversampled and so is larger than the image.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mript_jax.data.batch import Batch, stack
from mript_jax.data.records import Record
from mript_jax.data.transforms import center_crop, scale_of, volume_seed
from mript_jax.errors import UserError
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import Task


def measured_batches(
    source: Any,
    indices: Sequence[int],
    task: Task,
    batch_size: int,
    seed: int = 0,
    coil_kspace: bool = False,
) -> Iterator[tuple[Batch, list[Record]]]:
    """Each of these slices of a source once, undersampled by `task`, volume by volume.

    All slices of a volume have the same mask. They are scaled by the zero-filled image's maximum.
    """
    volumes: dict[str, list[int]] = {}
    for index in indices:
        volumes.setdefault(source.groups[int(index)], []).append(int(index))
    for name, members in volumes.items():
        maximum = _maximum(source, name, members)
        mask_seed = volume_seed(name, seed)
        for start in range(0, len(members), batch_size):
            records = [source[i] for i in members[start : start + batch_size]]
            examples = [_example(r, task, mask_seed, maximum, coil_kspace) for r in records]
            yield stack(examples, batch_size), records


def _maximum(source: Any, volume: str, members: Sequence[int]) -> float:
    """What the file says is its maximum, or that of the slices at hand."""
    first = source[members[0]]
    if first.kspace is None or first.image is None:
        lacks = "k-space" if first.kspace is None else "reference"
        raise UserError(f"{volume} has no {lacks}, which the protocol 'fastmri_official' needs")
    if first.maximum is not None:
        return first.maximum
    return max(float(source[i].image.max()) for i in members)


def _example(
    record: Record, task: Task, mask_seed: int, maximum: float, coil_kspace: bool
) -> Mapping[str, np.ndarray]:
    shape = record.kspace.shape[-2:]
    mask = sample_mask(task.pattern, shape, task.acceleration, task.center_fraction, mask_seed)
    sampled = record.kspace * mask  # [C, H', W']
    images = center_crop(ifft2c(sampled), record.image.shape)
    zero_filled = root_sum_of_squares(images, axis=0).astype(np.float32)  # [H, W]
    scale = scale_of(zero_filled)
    example = {
        "zero_filled": (zero_filled / scale)[..., None],
        "target": (record.image / scale).astype(np.float32)[..., None],
        "mask": mask,
        "pattern_index": np.int32(task.pattern_index),
        "level_index": np.int32(task.level_index),
        "acceleration": np.float32(task.acceleration),
        "center_fraction": np.float32(task.center_fraction),
        "scale": scale,
        "maximum": np.float32(maximum / scale),
        "weight": np.float32(1.0),
    }
    if coil_kspace:
        example["coil_kspace"] = (sampled / scale).astype(np.complex64)
    return example
