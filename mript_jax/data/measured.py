"""Batches of measured k-space at its own size, for the protocol `fastmri_official`.

A batch holds slices of one volume. `mask` is [B, H', W'], of k-space, which has its readout
oversampled and so is larger than the image. Beside the usual fields there are `maximum`, the
volume's, `scan` [B, h, w], the zero-filled image before it was cropped across the phase encodes
(physics/crop.py), and on demand `coil_kspace` [B, C, H', W'], what was sampled of each coil.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mript_jax.data.batch import Batch, stack
from mript_jax.data.records import Record
from mript_jax.data.transforms import scale_of, volume_seed
from mript_jax.errors import UserError
from mript_jax.physics.crop import center_crop, zero_filled_scan
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import Task


def first_volumes(source: Any, indices: np.ndarray, most: int) -> np.ndarray:
    """The indices of whole volumes with about `most` slices in all, at least one; 0: of all."""
    if not most or most >= len(indices):
        return indices
    last = source.groups[int(indices[most - 1])]
    through = max(i for i, index in enumerate(indices) if source.groups[int(index)] == last)
    return indices[: through + 1]


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
    scan = zero_filled_scan(record.kspace, mask, record.image.shape)  # [h, w]
    zero_filled = center_crop(np.abs(scan), record.image.shape).astype(np.float32)  # [H, W]
    scale = scale_of(zero_filled)
    example = {
        "zero_filled": (zero_filled / scale)[..., None],
        "target": (record.image / scale).astype(np.float32)[..., None],
        "scan": scan / scale,
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
        example["coil_kspace"] = (record.kspace * mask / scale).astype(np.complex64)
    return example
