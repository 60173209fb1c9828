import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from mript_jax.checkpoint import load_params

ROOT = Path(__file__).parents[2]
SMALL = {
    "data.image_size": 32,
    "data.options.phantom.count": 40,
    "data.options.phantom.size": 32,
    "model.features": 4,
    "model.pools": 1,
    "loss": "l1",
    "total_steps": 4,
    "optimizer.warmup_steps": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("mesh", ["data:2", "fsdp:2"])
def test_two_processes_train_as_one_does(tmp_path, mesh):
    flags = [f"--config={ROOT / 'configs' / 'unet.py'}"]
    flags += [f"--config.{name}={value}" for name, value in SMALL.items()]
    environment = {**os.environ, "XLA_FLAGS": "", "PYTHON": sys.executable, "PROCESSES": "2"}
    two = ["bash", str(ROOT / "launch" / "local.sh")]
    one = [sys.executable, str(ROOT / "launch" / "train.py")]
    two += [*flags, f"--workdir={tmp_path / 'two'}", f"--config.mesh={mesh}"]
    one += [*flags, f"--workdir={tmp_path / 'one'}"]
    for command in (two, one):
        subprocess.run(command, check=True, env=environment)
    trained = (jax.tree.leaves(load_params(tmp_path / name)) for name in ("one", "two"))
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
