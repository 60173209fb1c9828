"""Batches of measured k-space at the size of the scan, for `fastmri_official` and `measured`.

A batch holds slices of one volume. Readout oversampling is cropped (physics/crop.py); along the
phase-encoding direction the image stays as large as the scan, and the target is its center. Beside
the usual fields there is `maximum`, the volume's.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mript_jax.batch import Batch, check_fields, stack
from mript_jax.data.readers.base import Source
from mript_jax.data.records import Record
from mript_jax.data.transforms import scale_of, volume_seed
from mript_jax.errors import UserError
from mript_jax.physics.crop import center_crop, crop_kspace, zero_filled_scan
from mript_jax.physics.espirit import sensitivity_maps
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.noise import estimate_noise
from mript_jax.physics.tasks import Task


def first_volumes(source: Source, indices: np.ndarray, most: int) -> np.ndarray:
    """The indices of whole volumes with about `most` slices in all, at least one; 0: of all."""
    if not most or most >= len(indices):
        return indices
    last = source.groups[int(indices[most - 1])]
    through = max(i for i, index in enumerate(indices) if source.groups[int(index)] == last)
    return indices[: through + 1]


def measured_batches(
    source: Source,
    indices: Sequence[int],
    task: Task,
    batch_size: int,
    seed: int = 0,
    *,
    fields: Sequence[str] = (),
) -> Iterator[tuple[Batch, list[Record]]]:
    """Each of these slices of a source once, undersampled by `task`, volume by volume.

    All slices of a volume have the same mask, but those whose record says how it was sampled. They
    are scaled by the zero-filled image's maximum. `fields` are the optional ones
    (mript_jax/batch.py) that the batches have: `kspace`, and what is estimated of it,
    `sensitivities` (from the samples) and `noise_level` (from all of the scan).
    """
    check_fields(fields)
    if "full_kspace" in fields:
        raise UserError(
            "measured scans come with 'kspace', 'sensitivities' and 'noise_level' alone, not with "
            f"{', '.join(fields)}, which the model reads"
        )
    volumes: dict[str, list[int]] = {}
    for index in indices:
        volumes.setdefault(source.groups[int(index)], []).append(int(index))
    for name, members in volumes.items():
        maximum = _maximum(source, name, members)
        mask_seed = volume_seed(name, seed)
        for start in range(0, len(members), batch_size):
            records = [source[i] for i in members[start : start + batch_size]]
            examples = [
                _example(r, task, mask_seed, maximum=maximum, fields=fields) for r in records
            ]
            yield stack(examples, batch_size), records


def _maximum(source: Source, volume: str, members: Sequence[int]) -> float:
    """The maximum that the file states, or that of the slices at hand."""
    first = source[members[0]]
    if first.kspace is None or first.image is None:
        lacks = "k-space" if first.kspace is None else "reference"
        raise UserError(f"{volume} has no {lacks}, which an evaluation on measured k-space needs")
    if first.maximum is not None:
        return first.maximum
    return max(float(source[i].reference.max()) for i in members)


def _example(
    record: Record, task: Task, mask_seed: int, maximum: float, fields: Sequence[str]
) -> dict[str, Any]:
    assert record.kspace is not None
    shape, (H, W) = record.size, record.kspace.shape[-2:]
    mask = record.mask
    if mask is None or np.all(mask):  # fully sampled
        mask = sample_mask(
            task.pattern, (H, W), task.acceleration, task.center_fraction, seed=mask_seed
        )
    kspace, mask = crop_kspace(record.kspace, mask, shape)  # [C, H, W], [H, W]
    zero_filled = np.abs(zero_filled_scan(kspace))  # [H, W]
    scale = scale_of(center_crop(zero_filled, shape))
    example = {
        "zero_filled": (zero_filled / scale).astype(np.float32)[..., None],
        "target": (record.reference / scale).astype(np.float32)[..., None],
        "mask": mask,
        "pattern_index": np.int32(task.pattern_index),
        "level_index": np.int32(task.level_index),
        "acceleration": np.float32(task.acceleration),
        "center_fraction": np.float32(task.center_fraction),
        "scale": scale,
        "maximum": np.float32(maximum / scale),
        "weight": np.float32(1.0),
    }
    if "kspace" in fields:
        example["kspace"] = (kspace / scale).astype(np.complex64)
    if "sensitivities" in fields:
        example["sensitivities"] = sensitivity_maps(kspace, mask)
    if "noise_level" in fields:
        example["noise_level"] = np.float32(estimate_noise(record.kspace) / scale)
    return example
