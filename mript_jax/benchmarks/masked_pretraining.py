"""Masked modelling of k-space as pretraining of MR-IPT's encoder, against supervised pretraining.

  mript benchmark masked_pretraining --steps=400 --tuning_steps=200 --seeds=1

A small MR-IPT is fine-tuned on few slices of one set of phantoms, from three initializations:
random weights; an encoder with the blocks of a masked ViT; all weights of an MR-IPT pretrained to
reconstruct. Both pretrainings use another set of phantoms and take the same time: --steps updates
of the MR-IPT, and as many of the masked model as take equally long. Prints the mean gain over
zero-filling.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from ml_collections import ConfigDict

from mript_jax import cli
from mript_jax.checkpoint import load_params, save_params
from mript_jax.config import load_config_file
from mript_jax.convert.masked_encoder import from_masked
from mript_jax.data.pipeline import evaluation_batches
from mript_jax.evaluation.baselines import zero_filled
from mript_jax.evaluation.evaluate import evaluate_tasks
from mript_jax.evaluation.results import gains
from mript_jax.models import build_model
from mript_jax.physics.tasks import task_grid, usual_center_fraction
from mript_jax.text_table import markdown_table
from mript_jax.training.loop import train_to_end

SIZE, PATCH, WIDTH, DEPTH, HEADS, MLP = 64, 4, 96, 4, 3, 2.0  # of both encoders
ANATOMY, OTHER_ANATOMY = 1, 2  # seeds of the phantoms for pretraining, and for tuning and tests
TESTED = (4.0, 8.0)  # accelerations, with every pattern
TRIAL = 40  # updates to measure the speed


def experiment(name: str, steps: int, seed: int) -> ConfigDict:
    """A config file with the sizes and data of this study."""
    config = load_config_file(name).unlock()
    config.seed = seed
    config.total_steps = steps
    config.global_batch_size = 8
    config.checkpoint_every_steps = 0
    config.log_every_steps = TRIAL // 2
    config.data.image_size = SIZE
    config.data.options.phantom.update({"size": SIZE, "seed": ANATOMY})
    config.model.update({"patch_size": PATCH, "width": WIDTH, "mlp_ratio": MLP})
    sizes = {"depths": (DEPTH,), "heads": (HEADS,)} if name == "simmim" else {"depth": DEPTH}
    config.model.update(sizes)
    return config


def tuning(start: str, steps: int, slices: int, seed: int) -> ConfigDict:
    config = experiment("mript_tiny", steps, seed)
    config.data.options.phantom.seed = OTHER_ANATOMY
    config.data.max_slices = slices
    config.init_from = start
    return config


def images_per_second(config: ConfigDict, folder: str) -> float:
    """Throughput of a short run, without its first updates."""
    config = ConfigDict(config).unlock()
    config.total_steps = TRIAL
    train_to_end(config.lock(), f"{folder}/trial_{config.model.name}")
    lines = Path(folder, f"trial_{config.model.name}", "metrics.jsonl").read_text().splitlines()
    return json.loads(lines[-1])["images_per_second"]


def mean_gain(config: ConfigDict, workdir: str) -> float:
    """PSNR above zero-filling in the test split, averaged over tasks."""
    model, params = build_model(config.model), load_params(workdir)
    predict = jax.jit(lambda batch: model.apply({"params": params}, batch, method="predict"))
    data = config.data
    centers = [usual_center_fraction(r) for r in TESTED]
    tasks = task_grid(
        data.patterns,
        TESTED,
        centers,
        trained_patterns=data.patterns,
        trained_accelerations=data.accelerations,
    )
    rows, _ = evaluate_tasks(
        {"mript": lambda batch, task: predict(batch), "zero_filled": zero_filled},
        lambda task: evaluation_batches(
            data, "test", task, 16, max_slices=16, fields=model.batch_fields()
        ),
        tasks,
        pictures=0,
    )
    return float(np.mean(list(gains(rows, "mript").values())))


def starts(folder: str, steps: int, masked_steps: int, seed: int) -> dict[str, tuple[str, float]]:
    """Initializations by name: the checkpoint, and the seconds of its training."""
    supervised = experiment("mript_tiny", steps, seed).lock()
    masked = experiment("simmim", masked_steps, seed).lock()
    seconds = {}
    for name, config in (("supervised", supervised), ("masked", masked)):
        begun = time.perf_counter()
        train_to_end(config, f"{folder}/{name}")
        seconds[name] = time.perf_counter() - begun
    params, _ = from_masked(
        load_params(f"{folder}/masked"), masked.model, supervised.model, seed=seed
    )
    save_params(f"{folder}/masked_start", params, supervised)
    return {
        "fresh": ("", 0.0),
        "masked": (f"{folder}/masked_start", seconds["masked"]),
        "supervised": (f"{folder}/supervised", seconds["supervised"]),
    }


def compare(folder: str, seed: int) -> list[dict[str, Any]]:
    """A row for each initialization."""
    values = cli.FLAGS
    supervised, masked = (
        images_per_second(experiment(name, 1, seed), folder) for name in ("mript_tiny", "simmim")
    )
    updates = {"fresh": 0, "masked": round(values.steps * masked / supervised)}
    updates["supervised"] = values.steps
    rows = []
    for name, (start, seconds) in starts(folder, values.steps, updates["masked"], seed).items():
        config = tuning(start, values.tuning_steps, values.slices, seed).lock()
        train_to_end(config, f"{folder}/tuned_{name}")
        gain = mean_gain(config, f"{folder}/tuned_{name}")
        rows.append(
            {
                "seed": seed,
                "start": name,
                "updates before": updates[name],
                "seconds before": f"{seconds:.0f}",
                "gain after tuning (dB)": f"{gain:.2f}",
            }
        )
        print(rows[-1], flush=True)
    return rows


def define_flags() -> None:
    flags.DEFINE_integer("steps", 400, "Updates of supervised pretraining.")
    flags.DEFINE_integer("tuning_steps", 200, "Updates of each fine-tuning.")
    flags.DEFINE_integer("slices", 100, "Slices for fine-tuning.")
    flags.DEFINE_integer("seeds", 1, "Repetitions.")


def main() -> None:
    values = cli.FLAGS
    rows = []
    for seed in range(values.seeds):
        with tempfile.TemporaryDirectory() as folder:
            rows += compare(folder, seed)
    print(markdown_table(rows))


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
