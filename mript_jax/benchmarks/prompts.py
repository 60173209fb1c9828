"""The continuous prompt against the table of labels, on any sampling.

  mript benchmark prompts --steps=1000 --seeds=3

Trains the quickstart's MR-IPT, smaller, on generated anatomy and on all accelerations from 2 to 12:
once with each prompt for every seed, all else equal. The table uses the nearest label, the
continuous prompt the acceleration, center fraction and mask. Prints the mean PSNR of both, and the
paired difference on the same slices with its 95 % interval: for each acceleration over the trained
patterns, and for each untrained pattern over the accelerations.
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
from mript_jax.evaluation.summary import bootstrap_interval
from mript_jax.models import build_model
from mript_jax.models.prompt import PROMPTS
from mript_jax.physics.tasks import MODES, task_grid, usual_center_fraction
from mript_jax.text_table import markdown_table
from mript_jax.training.loop import train_to_end

CONFIG = "mript_tiny"
ACCELERATIONS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0)
UNTRAINED = ("radial", "spiral", "poisson_disc", "caipi", "fastmri_random")
SLICES = 24  # of the test split, in each task

Results = dict[tuple[str, float], dict[tuple, float]]  # task -> volume and slice -> PSNR


def experiment(prompt: str, seed: int, steps: int, mode: str) -> ConfigDict:
    """The config of one run."""
    config = load_config_file(CONFIG).unlock()
    config.seed = seed
    config.total_steps = steps
    config.checkpoint_every_steps = 0
    config.log_every_steps = steps
    config.global_batch_size = 8
    config.data.image_size = 64
    config.data.options.phantom.size = 64
    config.data.continuous_accelerations = (ACCELERATIONS[0], ACCELERATIONS[-1])
    config.model.mode = mode
    config.model.prompt = prompt
    config.model.patch_size = 4
    config.model.width = 96
    config.model.window = 8
    return config.lock()


def evaluate(config: ConfigDict, workdir: str) -> Results:
    """The PSNR of each slice in every task."""
    model, params = build_model(config.model), load_params(workdir)
    predict = jax.jit(lambda batch: model.apply({"params": params}, batch, method="predict"))
    tasks = task_grid(
        (*config.data.patterns, *UNTRAINED),
        ACCELERATIONS,
        [usual_center_fraction(r) for r in ACCELERATIONS],
        trained_patterns=config.data.patterns,
        trained_accelerations=config.data.accelerations,
    )
    _, examples = evaluate_tasks(
        {"mript": lambda batch, task: predict(batch)},
        lambda task: evaluation_batches(
            config.data, "test", task, 24, max_slices=SLICES, fields=model.batch_fields()
        ),
        tasks,
        pictures=0,
    )
    results: Results = {}
    for example in examples:
        of_task = results.setdefault((example.task.pattern, example.task.acceleration), {})
        of_task[example.volume, example.slice_index] = example.values["mript"]["psnr"]
    return results


def compare(table: list[Results], continuous: list[Results]) -> list[dict[str, str]]:
    """Rows of means over the seeds, and of the differences on the same slices."""
    trained = load_config_file(CONFIG).data
    groups = {f"{r:g}x": [(p, r) for p in trained.patterns] for r in ACCELERATIONS}
    groups |= {p: [(p, r) for r in ACCELERATIONS] for p in UNTRAINED}
    rows = []
    for name, keys in groups.items():
        slices = list(table[0][keys[0]])
        means = [
            np.mean([[[r[key][i] for i in slices] for key in keys] for r in results], axis=(0, 1))
            for results in (table, continuous)
        ]  # [slices] each
        gain = means[1] - means[0]
        low, high = bootstrap_interval(gain, [volume for volume, _ in slices])
        rows.append(
            {
                "sampling": name,
                "table": f"{means[0].mean():.2f}",
                "continuous": f"{means[1].mean():.2f}",
                "gain of continuous (dB)": f"{gain.mean():+.2f} ({low:+.2f} to {high:+.2f})",
            }
        )
    return rows


def define_flags() -> None:
    flags.DEFINE_integer("steps", 1000, "Training steps of each run.")
    flags.DEFINE_integer("seeds", 3, "Runs of each prompt.")
    flags.DEFINE_enum("mode", "type", MODES, "What has a head of its own.")


def main() -> None:
    values = cli.FLAGS
    found: dict[str, list[Results]] = {name: [] for name in PROMPTS}
    for seed in range(values.seeds):
        for prompt, results in found.items():
            config = experiment(prompt, seed, values.steps, values.mode)
            with tempfile.TemporaryDirectory() as workdir:
                train_to_end(config, workdir)
                results.append(evaluate(config, workdir))
        of_seed = (results[-1:] for results in found.values())
        print(f"seed {seed}\n{markdown_table(compare(*of_seed))}", flush=True)
    print(f"all seeds\n{markdown_table(compare(*found.values()))}")


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
