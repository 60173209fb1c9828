"""A training that takes seconds: its scans and its command, for tests of what happens to it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = {
    "data.image_size": 32,
    "model.features": 4,
    "model.pools": 1,
    "model.iterations": 0,
    "loss": "l1",
    "optimizer.name": "adam",
    "optimizer.schedule": "constant",
    "optimizer.warmup_steps": 0,
    "global_batch_size": 8,
    "checkpoint_every_steps": 2,
    "log_every_steps": 1,
}
ENVIRONMENT = {**os.environ, "XLA_FLAGS": ""}


def write_scans(folder):
    """Writes scan files of 12 volumes; returns their folder."""
    flags = ["--volumes=12", "--slices=2", "--size=32", f"--output={folder}"]
    subprocess.run([sys.executable, str(ROOT / "launch" / "make_phantoms.py"), *flags], check=True)
    return folder


def train_command(workdir, scans, cache, **changes):
    """The command of a run; its compiled programs go to the folder `cache`."""
    fields = {**RUN, "data.source": "fastmri", "data.path": scans, **changes}
    return [
        *(sys.executable, str(ROOT / "launch" / "train.py")),
        *(f"--config={ROOT / 'configs' / 'unet.py'}", f"--workdir={workdir}"),
        f"--config.compilation_cache={cache}",
        *(f"--config.{name}={value}" for name, value in fields.items()),
    ]
