"""Our side of a race with the public code (race.py).

Arguments: the fields of config.model as JSON, and images in a batch.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import jax

from mript_jax.batch import Batch, empty_example, stack
from mript_jax.benchmarks.race_entry import serve
from mript_jax.benchmarks.timing import compile_cost
from mript_jax.models import build_model
from mript_jax.sizes import height_width
from mript_jax.training import compile_options


def functions(config: dict, batch: int) -> dict[str, Callable[[], object]]:
    """Functions of no argument by the name of what they are timed for."""
    model = build_model(config)
    example = empty_example(height_width(config["image_size"]), model.batch_fields())
    example |= {"zero_filled": example["zero_filled"] + 0.5}
    one, many = stack([example]), stack([example] * batch)
    init = jax.jit(
        lambda key: model.init(key, one, method="predict"),
        compiler_options=compile_options.RUNS_ONCE,
    )
    params = init(jax.random.key(0))

    def reconstruct(params: Any, batch: Batch) -> jax.Array:
        image: Any = model.apply(params, batch, method="predict")
        return image

    def loss(params: Any, batch: Batch) -> jax.Array:
        return abs(reconstruct(params, batch)).mean()

    compiled = {}

    def call(name: str, function: Callable, batch: Batch) -> Callable[[], object]:
        options = (
            compile_options.training_step("cpu", core_each=False) if name == "training" else None
        )

        def timed() -> object:
            if name not in compiled:
                compiled[name] = compile_cost(function, params, batch, options=options)[0]
            return jax.block_until_ready(compiled[name](params, batch))

        return timed

    return {
        "latency": call("latency", reconstruct, one),
        "images": call("images", reconstruct, many),
        "training": call("training", jax.grad(loss), many),
    }


if __name__ == "__main__":
    serve(functions(json.loads(sys.argv[1]), int(sys.argv[2])))
