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
    times: dict[tuple[int, ...], list[float]] = {}  # of each shape of k-space
    enough = WARM + TIMED
    # Batches without k-space have one shape, however many numbers of coils there are.
    while _count(times) < pipeline.shapes * enough or min(map(len, times.values())) < enough:
        start = time.perf_counter()
        batch = next(pipeline)
        state, metrics = setup.step(state, jax.device_put(batch, setup.batch_sharding))
        jax.block_until_ready(metrics)
        shape = batch["kspace"].shape if "kspace" in batch else batch["mask"].shape
        times.setdefault(shape, []).append(time.perf_counter() - start)
    return statistics.mean(statistics.median(of_one[WARM:]) for of_one in times.values())


def _count(times: dict[tuple[int, ...], list[float]]) -> int:
    return sum(map(len, times.values()))
