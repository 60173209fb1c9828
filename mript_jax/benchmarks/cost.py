"""Cost of an image: latency, throughput, memory and energy of each model and classical method.

  mript benchmark cost
  mript benchmark cost --methods=unet,total_variation --cores=2 --output=runs/cost.json

Every method reconstructs the same undersampled slice of one coil, in a process of its own that may
use so many processor cores. Latency is that of one image, throughput that of a batch; the fastest
of several repetitions counts. Processor time counts all cores and does not depend on other work on
the machine. Memory is the peak of the process with Python, JAX and compilation, and of BART's where
it runs. Joules are those of the whole processor; they are "unknown" where no counter can be read.
--output writes JSON, and a Markdown table beside it.
"""

import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from absl import flags

from mript_jax import cli
from mript_jax.errors import UserError
from mript_jax.text_table import markdown_table

MODELS = (
    "mript_small",
    "mript_tiny",
    "recon_vit",
    "simmim",
    "unet",
    "unrolled",
    "varnet",
    "modl",
    "d5c5",
)
CLASSICAL = ("total_variation", "wavelet", "bart_total_variation", "bart_wavelet")
POLLING = 0.02  # seconds between readings of the memory


def measure(method: str, cores: int, size: int, batch: int, repeats: int) -> dict[str, Any]:
    """A row of the table, from a process on the first `cores` cores that this one may use."""
    allowed = sorted(os.sched_getaffinity(0))
    if cores > len(allowed):
        raise UserError(f"--cores={cores}: this process may use {len(allowed)}")
    command = [sys.executable, "-m", "mript_jax.benchmarks.cost_of", method]
    command += [str(number) for number in (size, batch, repeats)]
    settings = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(cores))
    settings["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # so that compilation counts each time
    with subprocess.Popen(
        command,
        env={**os.environ, **settings},
        preexec_fn=lambda: os.sched_setaffinity(0, allowed[:cores]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        memory = peak_memory(process)
        output, errors = process.communicate()
    if process.returncode:
        last = (errors.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"{method} does not run: {last}")
    found = json.loads(output.splitlines()[-1])
    return {"method": method, "cores": cores, **found, "memory (MB)": memory / 1e6}


def peak_memory(process: subprocess.Popen) -> int:
    """Bytes of a process at its peak and of the largest of those that it starts, until it ends."""
    own, started = 0, 0
    while process.poll() is None:
        own = max(own, _high_water_mark(process.pid))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        try:
            numbers = children.read_text().split()
        except OSError:  # it has just ended
            break
        started = max([started, *(_high_water_mark(int(number)) for number in numbers)])
        time.sleep(POLLING)
    return own + started


def _high_water_mark(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def markdown(results: dict[str, Any]) -> str:
    """The table and what it was measured with."""
    about = ", ".join(f"{name} {results[name]}" for name in ("machine", "python", "date"))
    return f"{about}:\n\n```\n{results['command']}\n```\n\n{markdown_table(results['rows'])}\n"


def define_flags() -> None:
    flags.DEFINE_list("methods", [], "Configs and classical methods; default: all.")
    flags.DEFINE_list("cores", ["1", "2"], "Numbers of processor cores.")
    flags.DEFINE_integer("size", 128, "Side of the slice in pixels.", lower_bound=16)
    flags.DEFINE_integer("batch", 8, "Slices of a batch, for the throughput.", lower_bound=1)
    flags.DEFINE_integer("repeats", 5, "Repetitions of each measurement.", lower_bound=1)
    flags.DEFINE_string("output", "", "A JSON file for the results; its table has the suffix .md.")


def main() -> None:
    values = cli.FLAGS
    if not hasattr(os, "sched_setaffinity"):
        raise UserError("mript benchmark cost runs on Linux only")
    methods = values.methods or [
        name for name in (*MODELS, *CLASSICAL) if "bart" not in name or shutil.which("bart")
    ]
    if not all(number.isdigit() and int(number) for number in values.cores):
        raise UserError(f"--cores={','.join(values.cores)} must be whole numbers, 1 or more")
    results: dict[str, Any] = {
        "command": " ".join(["mript benchmark cost", *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "rows": [],
    }
    for method in methods:
        for cores in map(int, values.cores):
            row = measure(method, cores, values.size, values.batch, repeats=values.repeats)
            results["rows"].append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    print(markdown_table(results["rows"]))
    if values.output:
        path = Path(values.output)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
        path.with_suffix(".md").write_text(markdown(results))
