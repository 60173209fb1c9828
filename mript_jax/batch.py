"""The batch: named arrays that the data pipeline makes and that models, losses and metrics read.

Always there:

| field | shape | |
|---|---|---|
| zero_filled | [B, H, W, 1] float32 | magnitude of the zero-filled image; of several coils their root-sum-of-squares |
| target | [B, h, w, 1] float32 | magnitude of the reference, the center of the image: h <= H, w <= W |
| mask | [B, H, W] float32 | 0/1 over centered k-space |
| pattern_index, level_index | [B] int32 | the task |
| acceleration, center_fraction | [B] float32 | the task in numbers |
| scale | [B] float32 | what images (of maximum 1, unless measured) and k-space were divided by |
| weight | [B] float32 | 1, or 0 for an example that must not count |

Optional, there where the model or the loss declares it (`batch_fields`):

| field | shape | |
|---|---|---|
| kspace | [B, C, H, W] complex64 | centered k-space of C coils: measured samples, and 0 where mask is 0 |
| sensitivities | [B, C, H, W] complex64 | coil sensitivity maps, whose squares add up to 1 inside the object |
| noise_level | [B] float32 | standard deviation of the noise in real and imaginary part of a sample of kspace |
| full_kspace | [B, C, H, W] complex64 | fully sampled k-space, for losses and masked pretraining; `predict` never reads it |

Data read at the size of the scan (data/measured.py) has another one, and no coils without k-space:

| field | shape | |
|---|---|---|
| maximum | [B] float32 | maximum of the reference volume, for the protocol fastmri_official |

In training h = H and w = W: the whole field of view along the phase-encoding direction. Readout oversampling is cropped
before; whoever compares an estimate [B, H, W, 1] with the target crops its center.
"""  # noqa: E501

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mript_jax.errors import UserError, unknown_name_error

Batch = Mapping[str, Any]  # field -> array: NumPy's on the host, JAX's in a computation

OPTIONAL_FIELDS = ("kspace", "sensitivities", "noise_level", "full_kspace")


def read_field(batch: Batch, name: str) -> Any:
    """An optional field of a batch; a UserError names one that is missing."""
    if name not in batch:
        raise UserError(
            f"the batch has no field {name!r}, which is read here; it has {', '.join(batch)}"
        )
    return batch[name]


def check_fields(fields: Sequence[str]) -> None:
    """Refuse names that are no optional field of a batch."""
    for name in fields:
        if name not in OPTIONAL_FIELDS:
            raise unknown_name_error("optional field of a batch", name, OPTIONAL_FIELDS)


def empty_example(
    shape: tuple[int, int], fields: Sequence[str] = (), coils: int = 1
) -> dict[str, Any]:
    """An example of weight 0: stands in for a broken record, or for shapes alone.

    `fields` are its optional fields.
    """
    check_fields(fields)
    zero, one = np.float32(0.0), np.float32(1.0)
    samples = np.zeros((coils, *shape), np.complex64)
    optional = {
        "kspace": samples,
        "sensitivities": samples + np.complex64(coils**-0.5),
        "noise_level": zero,
        "full_kspace": samples,
    }
    return {
        "zero_filled": np.zeros((*shape, 1), np.float32),
        "target": np.zeros((*shape, 1), np.float32),
        "mask": np.ones(shape, np.float32),
        "pattern_index": np.int32(0),
        "level_index": np.int32(0),
        "acceleration": one,
        "center_fraction": one,
        "scale": one,
        "weight": zero,
        **{name: optional[name] for name in OPTIONAL_FIELDS if name in fields},
    }


def stack(examples: Sequence[Batch], size: int | None = None) -> dict[str, np.ndarray]:
    """Stack examples to a batch, filled up to `size` with examples of weight 0."""
    examples = list(examples)
    if size is not None and len(examples) < size:
        filler = dict(examples[0], weight=np.float32(0.0))
        examples += [filler] * (size - len(examples))
    return {name: np.stack([example[name] for example in examples]) for name in examples[0]}
