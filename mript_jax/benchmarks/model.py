"""Cost of models on this machine: parameters, FLOPs, latency, throughput, memory, compile time.

  mript benchmark
  mript benchmark --configs=mript_radimagenet --batch=1
  mript benchmark --peer=CHECKOUT_OF_MR_IPT --peer_python=PYTHON_WITH_TORCH

Without --configs the small models of configs/ are compared. --peer also runs the public PyTorch
MR-IPT, at the sizes of the quickstart's, and prints the ratio of the speeds; ours then runs without
data consistency, as theirs does. Memory is the compiler's temporary memory, without the weights.
With an energy counter (an NVIDIA GPU with the package nvidia-ml-py, an Intel CPU with readable
counters) the table has joules per image. --quality adds the PSNR of an evaluation to the table, by
the kind of model, and with --output plots it against the time of one image.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from ml_collections import ConfigDict

from mript_jax import cli
from mript_jax.batch import Batch, empty_example, stack
from mript_jax.benchmarks.energy import energy_meter, joules_per_call
from mript_jax.benchmarks.quality_plot import quality_plot
from mript_jax.benchmarks.timing import compile_cost, seconds_per_call
from mript_jax.config import load_config_file
from mript_jax.config.shipped import config_path
from mript_jax.errors import UserError
from mript_jax.evaluation.results import read_results
from mript_jax.models import build_model
from mript_jax.sizes import height_width
from mript_jax.text_table import markdown_table
from mript_jax.training.flops import count_flops

SMALL_MODELS = ("mript_tiny", "recon_vit", "unet", "simmim")


def measure(name: str, config: ConfigDict, batch: int, repeats: int) -> dict[str, Any]:
    """A row of the table."""
    model = build_model(config.model)
    example = empty_example(height_width(config.data.image_size), model.batch_fields())
    example |= {"zero_filled": example["zero_filled"] + 0.5}
    one, many = stack([example]), stack([example] * batch)
    params = jax.jit(lambda key: model.init(key, one, method="predict"))(jax.random.key(0))

    def reconstruct(params: Any, batch: Batch) -> jax.Array:
        image: Any = model.apply(params, batch, method="predict")
        return image

    def loss(params: Any, batch: Batch) -> jax.Array:
        return abs(reconstruct(params, batch) - batch["target"]).mean()

    single, _, _ = compile_cost(reconstruct, params, one)
    batched, _, _ = compile_cost(reconstruct, params, many)
    training, compile_seconds, memory = compile_cost(jax.grad(loss), params, many)
    row = {
        "model": name,
        "parameters (M)": sum(p.size for p in jax.tree.leaves(params)) / 1e6,
        "GFLOP/image": count_flops(reconstruct, params, one) / 1e9,
        "latency (ms)": 1e3 * seconds_per_call(single, params, one, repeats=repeats),
        "images/s": batch / seconds_per_call(batched, params, many, repeats=repeats),
        "trained images/s": batch / seconds_per_call(training, params, many, repeats=repeats),
        "memory to train (MB/image)": memory / batch / 1e6,
        "compile (s)": compile_seconds,
    }
    if meter := energy_meter():
        row["J/image"] = joules_per_call(meter, batched, params, many) / batch
    return row


def against_peer(checkout: str, python: str, batch: int, repeats: int) -> list[dict[str, Any]]:
    """Rows of the quickstart's MR-IPT here and in the public code, and of the ratio of speeds."""
    config = load_config_file("mript_tiny").unlock()
    config.model.update(
        {"iterations": 0, "patch_size": 4, "features": 16, "heads": 4, "width": 128}
    )
    config.model.decoder_downsample = 1
    ours = measure("here", config, batch, repeats)
    sizes = config.model.copy_and_resolve_references().to_dict()
    script = Path(__file__).with_name("model_peer.py")
    numbers = [str(batch), str(repeats)]
    command = [python, str(script), checkout, json.dumps(sizes), *numbers, jax.default_backend()]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"--peer={checkout}: {last}")
    theirs = {"model": "public code (PyTorch)", **json.loads(run.stdout)}
    names = ("parameters (M)", "latency (ms)", "images/s", "trained images/s")
    rows = [{"model": row["model"], **{n: row[n] for n in names}} for row in (ours, theirs)]
    ratio = {n: ours[n] / theirs[n] for n in names} | {
        "latency (ms)": theirs["latency (ms)"] / ours["latency (ms)"]
    }
    return [*rows, {"model": "times faster here", **ratio, "parameters (M)": ""}]


def add_quality(rows: list[dict[str, Any]], kinds: list[str], folder: str) -> list[tuple]:
    """Add the mean PSNR of each kind of model to its row; return (model, milliseconds, dB)."""
    points = []
    for row, kind in zip(rows, kinds, strict=True):
        found = [r["psnr"] for r in read_results(folder)["rows"] if r["method"] == kind]
        row["PSNR (dB)"] = float(np.mean(found)) if found else ""
        if found:
            points.append((row["model"], row["latency (ms)"], row["PSNR (dB)"]))
    if not points:
        raise UserError(f"--quality={folder} holds none of the methods {', '.join(kinds)}")
    return points


def define_flags() -> None:
    flags.DEFINE_list("configs", [], "Config files, or their names; default: the small models.")
    flags.DEFINE_integer("batch", 8, "Batch size for the throughput.")
    flags.DEFINE_integer("repeats", 5, "Repetitions of each measurement; the fastest counts.")
    flags.DEFINE_string("peer", "", "A checkout of the public MR-IPT code.")
    flags.DEFINE_string("peer_python", "python3", "A Python with torch.")
    flags.DEFINE_string("quality", "", "The folder of an evaluation of these models.")
    flags.DEFINE_string(
        "output", "", "A JSON file for the results; with --quality, also an SVG beside it."
    )


def main() -> None:
    values = cli.FLAGS
    if min(values.batch, values.repeats) < 1:
        raise UserError("--batch and --repeats must be 1 or more")
    paths = [config_path(name) for name in values.configs or SMALL_MODELS]
    results = {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
    print(f"{results['device']}, jax {results['jax']}, batch {values.batch}", flush=True)
    results["models"] = []
    for path in paths:
        row = measure(path.stem, load_config_file(path), values.batch, values.repeats)
        results["models"].append(row)
    points = []
    if values.quality:
        kinds = [load_config_file(path).model.name for path in paths]
        points = add_quality(results["models"], kinds, values.quality)
    print(markdown_table(results["models"]), flush=True)
    if values.peer:
        cli.existing_path("peer", values.peer)
        arguments = (values.peer, values.peer_python, values.batch, values.repeats)
        results["peer"] = against_peer(*arguments)
        print(f"\n{markdown_table(results['peer'])}")
    if values.output:
        Path(values.output).parent.mkdir(parents=True, exist_ok=True)
        Path(values.output).write_text(json.dumps(results, indent=1) + "\n")
        if points:
            Path(values.output).with_suffix(".svg").write_text(quality_plot(points))


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
