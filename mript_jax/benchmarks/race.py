"""MR-IPT here and in the public PyTorch code, call by call in turn, at several sizes.

  mript benchmark race --peer=CHECKOUT_OF_MR_IPT --peer_python=PYTHON_WITH_TORCH --cores=1

Each side is a process of its own on the same processor cores, and their calls alternate, so that
other work on the machine hurts both. The fastest call counts. Processor time adds up all threads,
and is good on a busy machine where the time of a call is not; on one core the two agree on a quiet
machine. Memory is the peak of the process: compilation is in ours. Training is a forward and a
backward pass.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from absl import flags

from mript_jax import cli
from mript_jax.errors import UserError
from mript_jax.text_table import markdown_table

COMMON = {
    "mode": "type",
    "patch_size": 4,
    "mlp_ratio": 4.0,
    "decoder_depth": 2,
    "decoder_downsample": 1,
    "num_patterns": 4,
    "num_levels": 5,
}
SIZES: dict[str, tuple[dict[str, Any], int]] = {  # fields of config.model, images in a batch
    "128": (
        {"image_size": 128, "features": 16, "width": 128, "depth": 4, "heads": 4, "window": 8}
        | {"global_blocks": (1, 3), "decoder_heads": 4, "decoder_mlp": 256},
        2,
    ),
    "96": (
        {"image_size": 96, "features": 32, "width": 192, "depth": 6, "heads": 3, "window": 8}
        | {"global_blocks": (2, 5), "decoder_heads": 8, "decoder_mlp": 512},
        8,
    ),
    "224": (
        {"image_size": 224, "features": 32, "width": 384, "depth": 12, "heads": 6, "window": 14}
        | {"global_blocks": (2, 5, 8, 11), "decoder_heads": 8, "decoder_mlp": 512},
        2,
    ),
}
WHAT = {"latency": "latency", "images": "inference", "training": "training"}
FOLDER = Path(__file__).parent


def race(size: str, peer: str, peer_python: str, cores: int, repeats: int) -> list[dict[str, Any]]:
    """Rows of the table for one size: each thing that is timed."""
    fields, batch = SIZES[size]
    sizes = COMMON | fields
    config = sizes | {"name": "mript", "dtype": "float32", "iterations": 0}
    script = str(FOLDER / "model_peer.py")
    theirs = [peer_python, script, peer, json.dumps(sizes), str(batch), "0"]
    ours = [sys.executable, "-m", "mript_jax.benchmarks.race_here", json.dumps(config), str(batch)]
    sides: dict[str, subprocess.Popen] = {}
    try:
        for side, command in (("peer", theirs), ("here", ours)):
            sides[side] = start(command, cores)
            answer(sides[side], "ready")
        return [
            {"size": f"{size} px", "batch": 1 if name == "latency" else batch, "what": label}
            | compare(sides, name, repeats)
            for name, label in WHAT.items()
        ]
    finally:
        for process in sides.values():
            process.kill()
            process.wait()


def start(command: list[str], cores: int) -> subprocess.Popen:
    """A side of the race, on the last `cores` cores that this process may use."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(cores))
    allowed = sorted(os.sched_getaffinity(0))[-cores:]
    return subprocess.Popen(
        command,
        env={**os.environ, **threads, "JAX_PLATFORMS": "cpu"},
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen, expected: str = "{") -> str:
    """The next line of a side, which must begin with `expected`."""
    line: str = process.stdout.readline() if process.stdout else ""
    if not line.startswith(expected):
        raise UserError(
            f"a side of the race does not run, {process.args!r}: {line.strip() or 'see above'}"
        )
    return line


def compare(sides: dict[str, subprocess.Popen], name: str, repeats: int) -> dict[str, Any]:
    """The columns of a row, from calls of both sides in turn."""
    measured: dict[str, list[dict]] = {side: [] for side in sides}
    for _ in range(repeats):
        for side, process in sides.items():
            print(name, file=process.stdin, flush=True)
            measured[side].append(json.loads(answer(process)))
    best = {
        (side, key): min(call[key] for call in calls)
        for side, calls in measured.items()
        for key in ("seconds", "processor")
    }
    memory = {side: max(call["memory"] for call in calls) / 1e6 for side, calls in measured.items()}
    return {
        "here (s)": best["here", "seconds"],
        "public (s)": best["peer", "seconds"],
        "times faster": best["peer", "seconds"] / best["here", "seconds"],
        "here, processor (s)": best["here", "processor"],
        "public, processor (s)": best["peer", "processor"],
        "times less processor time": best["peer", "processor"] / best["here", "processor"],
        "here (MB)": memory["here"],
        "public (MB)": memory["peer"],
    }


def define_flags() -> None:
    flags.DEFINE_string("peer", None, "A checkout of the public MR-IPT code.")
    flags.DEFINE_string("peer_python", "python3", "A Python with torch.")
    flags.DEFINE_list("sizes", [*SIZES], f"Which of {', '.join(SIZES)}: sides of the image.")
    flags.DEFINE_integer("cores", 2, "Processor cores of each side.", lower_bound=1)
    flags.DEFINE_integer("repeats", 5, "Calls of each side; the fastest counts.", lower_bound=1)


def main() -> None:
    values = cli.FLAGS
    cli.required(peer=values.peer)
    cli.existing_path("peer", values.peer)
    if not hasattr(os, "sched_setaffinity"):
        raise UserError("mript benchmark race runs on Linux only")
    rows = []
    for size in values.sizes:
        if size not in SIZES:
            raise UserError(f"--sizes={size} is none of {', '.join(SIZES)}")
        found = race(size, values.peer, values.peer_python, values.cores, repeats=values.repeats)
        rows += found
        print(json.dumps(found), file=sys.stderr, flush=True)
    print(markdown_table(rows))
