"""The continuous prompt against the table of labels, at trained and untrained accelerations.

  mript benchmark prompts --steps=1500 --seeds=3

Trains the quickstart's MR-IPT, smaller and in split mode, on generated anatomy: once with each
prompt for every seed, all else equal. For an untrained task the table uses the nearest label, and
the continuous prompt its acceleration, center fraction and mask. Prints the mean PSNR over all
patterns.
"""

import tempfile

import jax
import numpy as np
from absl import flags
from ml_collections import ConfigDict

from mript_jax import cli
from mript_jax.checkpoint import load_params
from mript_jax.config import load_config_file
from mript_jax.data.pipeline import evaluation_batches
from mript_jax.evaluation.evaluate import evaluate_tasks
from mript_jax.models import build_model
from mript_jax.models.prompt import PROMPTS
from mript_jax.physics.tasks import task_grid, usual_center_fraction
from mript_jax.text_table import markdown_table
from mript_jax.training.loop import train

CONFIG = "mript_tiny"
ACCELERATIONS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0)
SLICES = 32  # of the test split, in each task


def experiment(prompt: str, seed: int, steps: int) -> ConfigDict:
    """The config of one run."""
    config = load_config_file(CONFIG).unlock()
    config.seed = seed
    config.total_steps = steps
    config.checkpoint_every_steps = 0
    config.log_every_steps = steps
    config.global_batch_size = 8
    config.data.image_size = 64
    config.data.options.phantom.size = 64
    config.model.mode = "split"
    config.model.prompt = prompt
    config.model.patch_size = 4
    config.model.width = 96
    config.model.window = 8
    return config.lock()


def psnr_by_acceleration(config: ConfigDict, workdir: str) -> dict[float, float]:
    """Mean PSNR over patterns and slices, for each acceleration."""
    model, params = build_model(config.model), load_params(workdir)
    predict = jax.jit(lambda batch: model.apply({"params": params}, batch, method="predict"))
    tasks = task_grid(
        config.data.patterns,
        ACCELERATIONS,
        [usual_center_fraction(r) for r in ACCELERATIONS],
        trained_patterns=config.data.patterns,
        trained_accelerations=config.data.accelerations,
    )
    rows, _ = evaluate_tasks(
        {"mript": lambda batch, task: predict(batch)},
        lambda task: evaluation_batches(
            config.data, "test", task, 16, max_slices=SLICES, fields=model.batch_fields()
        ),
        tasks,
        pictures=0,
    )
    values: dict[float, list[float]] = {}
    for row in rows:
        values.setdefault(row["acceleration"], []).append(row["psnr"])
    return {r: float(np.mean(of_patterns)) for r, of_patterns in values.items()}


def define_flags() -> None:
    flags.DEFINE_integer("steps", 1500, "Training steps of each run.")
    flags.DEFINE_integer("seeds", 3, "Runs of each prompt.")


def main() -> None:
    found: dict[str, list[dict[float, float]]] = {name: [] for name in PROMPTS}
    for seed in range(cli.FLAGS.seeds):
        for prompt, results in found.items():
            config = experiment(prompt, seed, cli.FLAGS.steps)
            with tempfile.TemporaryDirectory() as workdir:
                train(config, workdir)
                results.append(psnr_by_acceleration(config, workdir))
            print(prompt, seed, {r: round(p, 2) for r, p in results[-1].items()}, flush=True)
    trained = load_config_file(CONFIG).data.accelerations
    rows = []
    for r in ACCELERATIONS:
        gains = [c[r] - t[r] for c, t in zip(found["continuous"], found["table"], strict=True)]
        rows.append(
            {
                "acceleration": f"{r:g}",
                "trained on": "yes" if r in trained else "no",
                **{name: f"{np.mean([f[r] for f in fs]):.2f}" for name, fs in found.items()},
                "gain of continuous (dB), each seed": ", ".join(f"{g:+.2f}" for g in gains),
            }
        )
    print(markdown_table(rows))


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
