"""The data loader's rate beside the device, and ten minutes of training with the real loop."""

import json
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

from absl import flags

from mript_jax.benchmarks.accelerator_training import TOY
from mript_jax.config import load_config_file

MINUTES = 5  # of training in a part; the second one resumes the first


def measure(what: str, toy: bool) -> list[dict[str, Any]]:
    return _loader(toy) if what == "loader" else _training(toy)


def _loader(toy: bool) -> list[dict[str, Any]]:
    """Samples per second of each source by the number of workers."""
    from mript_jax.benchmarks import data

    cores = multiprocessing.cpu_count()
    counts = (0,) if toy else tuple(n for n in (0, 4, 8, 16) if n <= cores)
    with tempfile.TemporaryDirectory() as temporary:
        few = {"pictures": 2 * data.BATCH, "volumes": 1} if toy else {}
        sources = data.make_sources(Path(temporary), "", **few)
        if toy:
            sources = {"ArrayRecord": sources["ArrayRecord"]}
        return data.throughputs(sources, counts, seconds=1.0 if toy else 5.0)


def _training(toy: bool) -> list[dict[str, Any]]:
    """Train on generated anatomy for some minutes more, or two steps."""
    from mript_jax.checkpoint import Checkpoints
    from mript_jax.training.loop import train_to_end
    from mript_jax.training.step_time import seconds_per_step

    config = load_config_file("mript_radimagenet").unlock()
    config.data.update({"source": "phantom", "path": ""})
    config.data.options.phantom.size = config.data.image_size
    config.update({"checkpoint_every_steps": 0, "log_every_steps": 1, "keep_checkpoints": 1})
    if toy:
        config.update_from_flattened_dict(TOY["mript_radimagenet"])
        config.data.options.phantom.update({"size": 32, "count": 40})
        config.data.workers = 0
        config.global_batch_size = 8
    workdir = Path(flags.FLAGS.output) / "training"
    checkpoints = Checkpoints(workdir)
    before = checkpoints.latest_step() or 0
    checkpoints.close()
    config.total_steps = before + (2 if toy else int(60 * MINUTES / seconds_per_step(config)) + 1)
    began = time.perf_counter()
    state = train_to_end(config.lock(), workdir)
    seconds = time.perf_counter() - began
    last = json.loads((workdir / "metrics.jsonl").read_text().splitlines()[-1])
    return [
        {
            "steps": int(state.step),
            "images": int(state.step) * config.global_batch_size,
            "minutes of this part": seconds / 60,
            "images/s at the end": last.get("images_per_second", ""),
            "waiting for data": last.get("data_wait_share", ""),
            "MFU": last.get("mfu", ""),
            "loss": last["loss"],
            "skipped updates": int(state.skipped),
        }
    ]
