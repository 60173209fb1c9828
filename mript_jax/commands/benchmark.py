"""Speed and memory, as JSON and a table.

  mript benchmark [--peer=CHECKOUT_OF_MR_IPT]   what each model costs
  mript benchmark accelerator                   a GPU's or TPU's report, part by part
  mript benchmark cost                          latency, memory and energy of an image
  mript benchmark data                          how fast examples are made
  mript benchmark mript_choices                 attention, scanned blocks, what is kept
  mript benchmark task_convolutions             heads and tails of mixed tasks
  mript benchmark race                          MR-IPT beside the public code, in turn
  mript benchmark kspace_ssim                   k-space SSIM against the image's quality
  mript benchmark masked_pretraining            masked modelling as pretraining
  mript benchmark vit_unet                      the ViT beside the U-Net
  mript benchmark bart_scan                     a scan of yours, by a checkpoint and by BART
  mript benchmark card                          pictures for a model's card
  mript benchmark uncertainty                   calibration of the uncertainty

Each has flags of its own: --help after its name shows them.
"""

import importlib
import sys

from mript_jax import cli
from mript_jax.errors import unknown_name_error

BENCHMARKS = (
    "accelerator",
    "bart_scan",
    "card",
    "cost",
    "data",
    "kspace_ssim",
    "masked_pretraining",
    "model",
    "mript_choices",
    "race",
    "task_convolutions",
    "uncertainty",
    "vit_unet",
)


def run(program: str) -> None:
    """Runs the benchmark that the first argument names."""
    if sys.argv[1:] == ["--help"]:
        cli.print_help(__doc__, program)
        return
    name = "model"
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        name = sys.argv.pop(1)
    if name not in BENCHMARKS:
        cli.fail(unknown_name_error("benchmark", name, BENCHMARKS))
    benchmark = importlib.import_module(f"mript_jax.benchmarks.{name}")
    cli.run(benchmark.main, benchmark.define_flags, benchmark.__doc__, program)
