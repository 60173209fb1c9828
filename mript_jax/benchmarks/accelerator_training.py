"""Training speed of a config at the best batch: images/s, MFU, memory, joules an image.

The step is the real one (training/step.py) with the config's optimizer, on a batch that stays on
the device; the data package, and with it grain, is not needed.
"""

import dataclasses
import time
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from mript_jax.batch import empty_example, stack
from mript_jax.benchmarks.energy import energy_meter
from mript_jax.config import load_config_file
from mript_jax.models import build_model
from mript_jax.sizes import height_width
from mript_jax.target import Target, traced_for
from mript_jax.training.devices import find_device, memory_limit
from mript_jax.training.flops import count_flops
from mript_jax.training.losses import build_loss
from mript_jax.training.optimizer import build_optimizer
from mript_jax.training.state import TrainState, create_state
from mript_jax.training.step import make_step

TOY = {
    "mript_radimagenet": {
        "data.image_size": 32,
        **{"model.features": 4, "model.width": 32, "model.depth": 2, "model.heads": 2},
        **{"model.window": 4, "model.global_blocks": (1,), "model.decoder_depth": 1},
        **{"model.decoder_mlp": 32, "model.decoder_heads": 4, "model.dtype": "float32"},
    },
    "unrolled_fastmri": {
        **{"data.image_size": 32, "data.coils": 2, "model.cascades": 1},
        **{"model.network.widths": (8, 16), "model.network.depths": (0, 1)},
        **{"model.network.mixers": ("conv", "conv"), "model.network.dtype": "float32"},
    },
}
FIRST, LARGEST = 4, 256  # images in a batch
USABLE = 0.85  # share of the memory that JAX has of a device: the rest is lost between blocks
SECONDS = 20.0  # of a measurement
RATE = 1e-4  # learning rate


@dataclasses.dataclass(frozen=True)
class Training:
    """A compiled step at one batch size."""

    compiled: Any
    state: Any  # of shapes
    batch: dict[str, np.ndarray]
    model_flops: float
    temporary: int  # bytes
    held: int  # bytes of the state


def measure(
    config: str, toy: bool, remat: str | None = None, attention: str | None = None
) -> list[dict[str, Any]]:
    """Rows of the first batch size and of the largest that fits."""
    fields = load_config_file(config).unlock()
    if toy:
        fields.update_from_flattened_dict(TOY[config])
    if remat is not None:
        fields.model.remat, fields.model.attention = remat, attention
    first = 2 if toy else FIRST
    small = compile_training(fields, first)
    rows = [_row(small, first, toy)]
    memory = memory_limit(jax.local_devices()[0])
    if memory:
        best = largest_batch(small, first, memory)
        if best > first:
            rows.append(_row(compile_training(fields, best), best, toy))
    return [{"remat": remat or "", "attention": attention or "", **row} for row in rows]


def largest_batch(small: Training, batch_size: int, memory: int) -> int:
    """The most images that fit into `memory` bytes, by what `small` takes with `batch_size`."""
    free = USABLE * memory - small.held
    best = min(LARGEST, int(batch_size * free / max(small.temporary, 1)))
    return best // batch_size * batch_size


def model_inputs(config: ConfigDict, batch_size: int) -> tuple[Any, dict[str, Any], Any]:
    """The model of a config, a batch for it that is not empty, and its parameters' shapes."""
    model, loss = build_model(config.model), build_loss(config.loss)
    coils = config.data.coils if model.multi_coil else 1
    fields = tuple(dict.fromkeys((*model.batch_fields(), *loss.batch_fields)))
    example = empty_example(height_width(config.data.image_size), fields, coils)
    example |= {"zero_filled": example["zero_filled"] + np.float32(0.5)}
    batch = stack([example | {"mask": np.ones_like(example["mask"])}] * batch_size)
    params = jax.eval_shape(
        lambda key: model.init({"params": key}, batch, method="predict")["params"],
        jax.random.key(0),
    )
    return model, batch, params


def random_values(shapes: Any) -> Any:
    """Small numbers for weights, zeros for counters: speed does not depend on them, energy may."""
    generator = np.random.default_rng(0)

    def draw(leaf: Any) -> np.ndarray:  # by NumPy: JAX would compile a program for each shape
        if not jax.numpy.issubdtype(leaf.dtype, jax.numpy.floating):
            return np.zeros(leaf.shape, leaf.dtype)
        return (0.01 * generator.random(leaf.shape, np.float32)).astype(leaf.dtype)

    return jax.device_put(jax.tree.map(draw, shapes))


def compile_training(config: ConfigDict, batch_size: int) -> Training:
    """Compile a training step of a batch that is one micro-batch."""
    (model, batch, params), loss = model_inputs(config, batch_size), build_loss(config.loss)
    optimizer = build_optimizer(config.optimizer, params, model.non_trainable)
    state = jax.eval_shape(lambda p: create_state(p, optimizer, False), params)
    step = make_step(model, loss, optimizer, jax.random.key(1))

    def forward(params: Any, batch: Any) -> jax.Array:
        with traced_for(Target("cpu", 2)):
            images: Any = model.apply({"params": params}, batch, method="predict")
            return images

    with jax.default_matmul_precision(config.matmul_precision):
        compiled = jax.jit(step, donate_argnums=0).lower(state, batch, RATE).compile()
    memory: Any = compiled.memory_analysis()
    return Training(
        compiled,
        state,
        batch,
        model_flops=3 * count_flops(forward, params, batch),
        temporary=memory.temp_size_in_bytes,
        held=sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state)),
    )


def _row(training: Training, batch_size: int, toy: bool) -> dict[str, Any]:
    state: TrainState = random_values(training.state)
    batch = jax.device_put(training.batch)
    for _ in range(2):
        state, metrics = training.compiled(state, batch, RATE)
    jax.block_until_ready(metrics)
    meter = energy_meter()
    before = meter() if meter else 0.0
    began, steps = time.perf_counter(), 0
    while steps < 3 or time.perf_counter() - began < (0 if toy else SECONDS):
        for _ in range(3):
            state, metrics = training.compiled(state, batch, RATE)
        jax.block_until_ready(metrics)
        steps += 3
    seconds = (time.perf_counter() - began) / steps
    device = find_device(jax.devices()[0].device_kind)
    peak = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    return {
        "batch": batch_size,
        "images/s": batch_size / seconds,
        "MFU": training.model_flops / seconds / device.flops if device else "",
        "compiler's memory (GB)": (training.temporary + training.held) / 1e9,
        "peak memory so far (GB)": peak / 1e9 if peak else "",
        "J/image": (meter() - before) / steps / batch_size if meter else "",
    }
