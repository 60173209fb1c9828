"""The time of a training step on this machine, data included: what fits into a given time."""

import statistics
import time
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from mript_jax.checkpoint import parse_config
from mript_jax.data.pipeline import build_pipeline
from mript_jax.training.setup import Setup, set_up

WARM = 2  # steps that are not counted, of each shape of batches
TIMED = 15  # for each shape
FEW = 3  # of them, where a rough figure will do
RATE = np.float32(0.0)  # learning rate, of the type that a run gives


def limit_steps(config: ConfigDict, workdir: str | Path, minutes: float, setup: Setup) -> str:
    """Lower `config.total_steps` to what fits into so many minutes; the outcome in a line.

    Warmup and the steps between validations become no longer than such a run has room for. A run
    that is resumed keeps the number of steps that fitted at its start. The `setup` of the
    config can train the run afterwards: its step is compiled by then.
    """
    begun = Path(workdir) / "config.json"
    if begun.exists():
        saved = parse_config(begun.read_text())
        config.total_steps = saved.total_steps
        config.evaluate_every_steps = saved.evaluate_every_steps
        config.optimizer.warmup_steps = saved.optimizer.warmup_steps
        return f"resumed: {config.total_steps} steps in all"
    seconds = seconds_per_step(config, FEW, setup)
    config.total_steps = max(min(config.total_steps, int(60 * minutes / seconds)), 1)
    config.optimizer.warmup_steps = min(config.optimizer.warmup_steps, config.total_steps // 5)
    config.evaluate_every_steps = min(config.evaluate_every_steps, config.total_steps)
    whole = config.total_steps * seconds
    return f"{seconds:.2f} s a step here: {config.total_steps} steps, {whole / 60:.1f} minutes"


def seconds_per_step(
    config: ConfigDict, timed: int | None = None, setup: Setup | None = None
) -> float:
    """Seconds of a training step, by the median of a few; compilation does not count."""
    timed = TIMED if timed is None else timed
    setup = setup or set_up(config)
    pipeline = build_pipeline(
        config.data, "train", config.seed, config.global_batch_size, fields=setup.batch_fields
    )
    state = setup.create(setup.init())
    times: dict[tuple, list[float]] = {}  # by the shapes of a batch
    while len(times) < pipeline.shapes or min(map(len, times.values())) < WARM + timed:
        start = time.perf_counter()
        batch = next(pipeline)
        state, metrics = setup.step(state, jax.device_put(batch, setup.batch_sharding), RATE)
        jax.block_until_ready(metrics)
        shapes = tuple(value.shape for value in batch.values())
        times.setdefault(shapes, []).append(time.perf_counter() - start)
    return statistics.mean(statistics.median(of_one[WARM:]) for of_one in times.values())
