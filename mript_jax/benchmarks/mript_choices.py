"""Cost of MR-IPT's execution options: memory, compile time and step time of a training step.

  mript benchmark mript_choices --vary=attention
  mript benchmark mript_choices --vary=blocks
  mript benchmark mript_choices --vary=attention --scale=small --steps=2

`--vary=attention` compares the forms of attention, `--vary=blocks` scanned with unrolled blocks and
rematerialization. Memory is the compiler's temporary memory, without weights and gradients. Without
--steps nothing is run, so that the paper's scale fits any machine.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from mript_jax import cli
from mript_jax.benchmarks.timing import compile_cost, seconds_per_call
from mript_jax.config import load_config_file
from mript_jax.models import build_model
from mript_jax.text_table import markdown_table

SCALES = {
    "paper": {},
    "small": {
        "width": 256,
        "depth": 12,
        "heads": 4,
        "global_blocks": (2, 5, 8, 11),
        "features": 16,
    },
}
VARIANTS = {
    "attention": [
        {"attention": form, "remat": remat, "scan_blocks": True}
        for remat in ("none", "full")
        for form in ("explicit", "folded", "chunked", "auto")
    ],
    "blocks": [
        {"attention": "auto", "remat": remat, "scan_blocks": scan}
        for scan in (False, True)
        for remat in ("none", "dots", "full")
    ],
}


def measure(config: Mapping[str, Any], batch: int, steps: int) -> dict[str, float]:
    """Cost of loss and gradient for one config of the model."""
    model = build_model(config)
    size = config["image_size"]
    image = jax.ShapeDtypeStruct((batch, size, size, 1), np.float32)
    index = jax.ShapeDtypeStruct((batch,), np.int32)
    tasks = {"pattern_index": index, "level_index": index}
    params = jax.eval_shape(model.init, jax.random.key(0), image, **tasks)["params"]

    def loss(params, image, pattern_index, level_index):
        output: Any = model.apply({"params": params}, image, pattern_index, level_index)
        return jnp.abs(output).mean()

    gradient, inputs = jax.value_and_grad(loss), (params, image, index, index)
    compiled, seconds, memory = compile_cost(gradient, *inputs)
    row = {"memory (GB)": memory / 1e9, "lower and compile (s)": seconds}
    if steps:
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), inputs)
        row["step (s)"] = seconds_per_call(compiled, *zeros, repeats=steps)
    return row


def define_flags() -> None:
    flags.DEFINE_enum("vary", "attention", sorted(VARIANTS), "Options to compare.")
    flags.DEFINE_enum("scale", "paper", sorted(SCALES), "Size of the network, on images of 224.")
    flags.DEFINE_integer("batch", 1, "Images in a batch.")
    flags.DEFINE_string("dtype", "float32", "Precision of the computation: float32 or bfloat16.")
    flags.DEFINE_integer("steps", 0, "Steps to run for the step time; the fastest counts.")


def main() -> None:
    values = cli.FLAGS
    model = load_config_file("mript_radimagenet").model.copy_and_resolve_references()
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    rows = []
    for options in VARIANTS[values.vary]:
        config = {**model, **SCALES[values.scale], **options, "dtype": values.dtype}
        row = {**options, **measure(config, values.batch, values.steps)}
        rows.append(row)
        print(markdown_table(rows).splitlines()[-1], flush=True)
    print(markdown_table(rows))


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
