"""Speed and memory, as JSON and a table.

  python launch/benchmark.py [--peer=CHECKOUT_OF_MR_IPT]   what each model costs
  python launch/benchmark.py data                          how fast examples are made
  python launch/benchmark.py mript_choices                 attention, scanned blocks, what is kept
  python launch/benchmark.py task_convolutions             heads and tails of mixed tasks
  python launch/benchmark.py prompts                       the continuous prompt against the table
  python launch/benchmark.py kspace_ssim                   k-space SSIM against the image's quality
  python launch/benchmark.py vit_unet                      the ViT beside the U-Net

Each has flags of its own: --help after its name shows them.
"""

import runpy
import sys

from mript_jax import cli
from mript_jax.errors import unknown_name_error

BENCHMARKS = (
    "data",
    "kspace_ssim",
    "model",
    "mript_choices",
    "prompts",
    "task_convolutions",
    "vit_unet",
)


def main() -> None:
    """Runs the benchmark that the first argument names."""
    name = "model"
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        name = sys.argv.pop(1)
    if name not in BENCHMARKS:
        cli.fail(unknown_name_error("benchmark", name, BENCHMARKS))
    runpy.run_module(f"mript_jax.benchmarks.{name}", run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1:] == ["--help"]:
        print((__doc__ or "").strip())
    else:
        main()
