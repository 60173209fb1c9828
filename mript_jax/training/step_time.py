"""The time of a training step on this machine, data included: what fits into a given time."""

import statistics
import time

import jax
from ml_collections import ConfigDict

from mript_jax.data.pipeline import build_pipeline
from mript_jax.training.setup import set_up

WARM = 2  # steps that are not counted, of each shape of batches
TIMED = 15  # for each shape


def seconds_per_step(config: ConfigDict) -> float:
    """Seconds of a training step, by the median of a few; compilation does not count."""
    setup = set_up(config)
    pipeline = build_pipeline(
        config.data, "train", config.seed, config.global_batch_size, fields=setup.batch_fields
    )
    state = setup.create(setup.init())
    times: dict[tuple, list[float]] = {}  # by the shapes of a batch
    while len(times) < pipeline.shapes or min(map(len, times.values())) < WARM + TIMED:
        start = time.perf_counter()
        batch = next(pipeline)
        state, metrics = setup.step(state, jax.device_put(batch, setup.batch_sharding))
        jax.block_until_ready(metrics)
        shapes = tuple(value.shape for value in batch.values())
        times.setdefault(shapes, []).append(time.perf_counter() - start)
    return statistics.mean(statistics.median(of_one[WARM:]) for of_one in times.values())
