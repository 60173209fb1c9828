"""Throughput and memory of Lin and Heckel's ViT beside the U-Net's, at their sizes.

  mript benchmark vit_unet --size=320

Reconstruction, and a loss with its gradient, of one image. Memory is the compiler's temporary
memory, without weights and gradients.
"""

import jax
import jax.numpy as jnp
from absl import flags

from mript_jax import cli
from mript_jax.benchmarks.timing import compile_cost, seconds_per_call
from mript_jax.config import load_config_file
from mript_jax.models import build_model
from mript_jax.text_table import markdown_table

NAMES = ("recon_vit_fastmri", "unet_fastmri")


def measure(name: str, size: int, repeats: int) -> dict[str, str]:
    """A row of the table."""
    model = build_model(load_config_file(name).model)
    image = jnp.ones((1, size, size, 1)).at[:, ::2].set(0.5)
    params = jax.jit(model.init)(jax.random.key(0), image)

    def loss(params, image):
        return jnp.abs(model.apply(params, image, True) - image).mean()

    count = sum(p.size for p in jax.tree.leaves(params))
    row = {"model": name, "parameters": f"{count / 1e6:.1f} M"}
    for task, function in (("reconstruct", model.apply), ("train", jax.grad(loss))):
        compiled, _, memory = compile_cost(function, params, image)
        seconds = seconds_per_call(compiled, params, image, repeats=repeats)
        row[f"{task}: images/s"] = f"{1 / seconds:.2f}"
        row[f"{task}: memory"] = f"{memory / 2**20:.0f} MB"
    return row


def define_flags() -> None:
    flags.DEFINE_integer("size", 320, "Height and width of the image.")
    flags.DEFINE_integer("repeats", 3, "Repetitions of each measurement; the fastest counts.")


def main() -> None:
    print(markdown_table([measure(name, cli.FLAGS.size, cli.FLAGS.repeats) for name in NAMES]))


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
