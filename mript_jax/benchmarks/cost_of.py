"""One measurement for cost.py, which runs this file in a process of its own.

Arguments: the method, the side of the slice, slices in a batch, repetitions. Prints JSON.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from mript_jax.batch import Batch, empty_example, stack
from mript_jax.benchmarks.energy import energy_meter, joules_per_call
from mript_jax.benchmarks.timing import seconds_per_call
from mript_jax.config import load_config_file
from mript_jax.evaluation.baselines import WEIGHTED
from mript_jax.models import build_model
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.side_by_side import slice_by_slice

FIELDS = ("kspace", "noise_level")
WEIGHT = 0.005  # of the classical methods' regularization; their time does not depend on it


def main(method: str, size: int, batch: int, repeats: int) -> dict[str, Any]:
    """Cost of a method on a slice of size x size and on batches of it."""
    reconstruct, one = reconstruction(method, size), undersampled_slice(size)
    single, many = stack([one]), stack([one] * batch)
    meter = energy_meter()
    found: dict[str, Any] = {
        "latency (ms)": 1e3 * seconds_per_call(reconstruct, single, repeats=repeats),
        "images/s": batch / seconds_per_call(reconstruct, many, repeats=repeats),
        "processor time (ms/image)": 1e3 * processor_seconds(reconstruct, many, repeats) / batch,
        "energy (J/image)": "unknown",
    }
    if meter:
        found["energy (J/image)"] = joules_per_call(meter, reconstruct, many) / batch
    return found


def reconstruction(method: str, size: int) -> Callable[[Batch], Any]:
    """A function from batches to images; a model has the weights it starts with."""
    if method in WEIGHTED:
        return lambda batch: WEIGHTED[method](batch, WEIGHT)
    config = load_config_file(method).unlock()
    config.data.image_size = size
    model = build_model(config.model)
    example = stack([empty_example((size, size), model.batch_fields())])
    params = jax.jit(lambda key: model.init(key, example, method="predict"))(jax.random.key(0))
    predict = jax.jit(lambda params, batch: model.apply(params, batch, method="predict"))
    return lambda batch: slice_by_slice(lambda some: predict(params, some), batch)


def undersampled_slice(size: int) -> dict[str, Any]:
    """An example of one coil at 4x; what it shows makes no difference to the cost."""
    generator = np.random.default_rng(0)
    noise = generator.standard_normal((2, 1, size, size)).astype(np.float32)
    mask = sample_mask("cartesian_random", (size, size), 4.0, 0.08, seed=0)
    kspace = mask * (noise[0] + 1j * noise[1])
    zero_filled = np.abs(np.asarray(ifft2c(kspace)))[0, ..., None]
    example = empty_example((size, size), FIELDS)
    return example | {"kspace": kspace, "mask": mask, "zero_filled": zero_filled}


def processor_seconds(function: Callable, batch: Batch, repeats: int) -> float:
    """The least time of a call on all cores, with that of the processes it starts."""
    times = []
    for _ in range(repeats):
        before = sum(os.times()[:4])
        jax.block_until_ready(function(batch))
        times.append(sum(os.times()[:4]) - before)
    return min(times)


if __name__ == "__main__":
    method, *numbers = sys.argv[1:]
    size, batch, repeats = map(int, numbers)
    print(json.dumps(main(method, size, batch, repeats)))
