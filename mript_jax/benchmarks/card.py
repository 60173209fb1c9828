"""Pictures for a model's card: its best, median and worst slice at 4x, beside total variation.

  mript benchmark card --checkpoint=small --output=docs/model_small.png

Slices are those of the checkpoint's own test split. Each row is one: the zero-filled image, total
variation, the model, the reference, and the model's error five times brighter. Rows are chosen by
the model's gain over the zero-filled image, in PSNR.
"""

from pathlib import Path

import numpy as np
from absl import flags
from PIL import Image

from mript_jax import cli
from mript_jax.checkpoint import load_checkpoint_config
from mript_jax.evaluation.evaluate import SliceResult
from mript_jax.evaluation.report.pictures import grey, white_point
from mript_jax.experiments.comparison import compare
from mript_jax.physics.tasks import usual_center_fraction

SHOWN = ("zero_filled", "total_variation", "model", "reference")
ACCELERATION = 4.0
ERROR_GAIN = 5.0


def define_flags() -> None:
    flags.DEFINE_string("checkpoint", "small", "A run's folder, or the name of a shipped model.")
    flags.DEFINE_string("output", None, "The picture, in .png.")
    flags.DEFINE_integer("slices", 16, "Slices of each pattern to choose from.", lower_bound=3)


def gain(example: SliceResult) -> float:
    """PSNR of the model above that of the zero-filled image."""
    return example.values["model"]["psnr"] - example.values["zero_filled"]["psnr"]


def row(example: SliceResult) -> np.ndarray:
    """The pictures of a slice side by side, as 8-bit grey values."""
    pictures = example.pictures or {}
    brightest = white_point(pictures["reference"])
    parts = [grey(pictures[name], brightest) for name in SHOWN]
    error = np.abs(pictures["model"] - pictures["reference"])
    return np.concatenate([*parts, grey(ERROR_GAIN * error, brightest)], axis=1)


def main() -> None:
    values = cli.FLAGS
    cli.required(output=values.output)
    config = load_checkpoint_config(values.checkpoint).unlock()
    config.evaluation.accelerations = (ACCELERATION,)
    config.evaluation.center_fractions = (usual_center_fraction(ACCELERATION),)
    config.evaluation.max_slices = values.slices
    checkpoints = {"model": values.checkpoint}
    _, examples = compare(config, checkpoints, ["total_variation"], pictures=values.slices)
    ordered = sorted(examples, key=gain)
    chosen = (ordered[-1], ordered[len(ordered) // 2], ordered[0])
    Path(values.output).parent.mkdir(parents=True, exist_ok=True)
    rows = np.concatenate([row(example) for example in chosen])
    Image.fromarray(rows.repeat(2, axis=0).repeat(2, axis=1)).save(values.output)
    for name, example in zip(("best", "median", "worst"), chosen, strict=True):
        psnr = {method: f"{example.values[method]['psnr']:.1f} dB" for method in SHOWN[:3]}
        print(f"{name} of {len(ordered)}: {example.task.pattern} 4x, {example.volume}: {psnr}")
