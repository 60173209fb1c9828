"""A batch: the named arrays that a model, a loss and an evaluation see.

| field | shape | |
|---|---|---|
| zero_filled | [B, H, W, 1] | magnitude of the zero-filled image |
| target | [B, H, W, 1] | magnitude of the fully sampled image |
| mask | [B, H, W] | 0/1 over centered k-space |
| pattern_index, level_index | [B] int32 | the task |
| acceleration, center_fraction | [B] | the task in numbers |
| scale | [B] | what zero_filled and target were divided by |
| weight | [B] | 1, or 0 for an example that must not count |
| kspace | [B, H, W, 2] | on demand: real and imaginary part of k-space; measured where mask is 1 |
"""

from collections.abc import Mapping, Sequence

import numpy as np

Batch = Mapping[str, np.ndarray]


def empty_example(shape: tuple[int, int], fields: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """An example of weight 0: stands in for a broken record, or fills a batch up."""
    zero = np.float32(0.0)
    example = {
        "zero_filled": np.zeros((*shape, 1), np.float32),
        "target": np.zeros((*shape, 1), np.float32),
        "mask": np.ones(shape, np.float32),
        "pattern_index": np.int32(0),
        "level_index": np.int32(0),
        "acceleration": np.float32(1.0),
        "center_fraction": np.float32(1.0),
        "scale": np.float32(1.0),
        "weight": zero,
    }
    if "kspace" in fields:
        example["kspace"] = np.zeros((*shape, 2), np.float32)
    return example


def stack(examples: Sequence[Mapping[str, np.ndarray]], size: int | None = None) -> dict:
    """Stacks examples to a batch, filled up to `size` with examples of weight 0."""
    examples = list(examples)
    if size is not None and len(examples) < size:
        filler = dict(examples[0], weight=np.float32(0.0))
        examples += [filler] * (size - len(examples))
    return {key: np.stack([example[key] for example in examples]) for key in examples[0]}
