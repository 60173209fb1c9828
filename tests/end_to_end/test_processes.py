import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from mript_jax.checkpoint import Checkpoints, load_params

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

FLAGS = [f"--config={ROOT / 'configs' / 'unet.py'}"]
FLAGS += [f"--config.{name}={value}" for name, value in SMALL.items()]
ENVIRONMENT = {**os.environ, "XLA_FLAGS": "", "PYTHON": sys.executable, "PROCESSES": "2"}
TWO, ONE = (
    ["bash", str(ROOT / "launch" / "local.sh")],
    [sys.executable, str(ROOT / "launch" / "train.py")],
)


@pytest.mark.slow
@pytest.mark.parametrize("mesh", ["data:2", "fsdp:2", "model:2"])
def test_two_processes_train_as_one_does(tmp_path, mesh):
    two = [*TWO, *FLAGS, f"--workdir={tmp_path / 'two'}", f"--config.mesh={mesh}"]
    one = [*ONE, *FLAGS, f"--workdir={tmp_path / 'one'}"]
    for command in (two, one):
        subprocess.run(command, check=True, env=ENVIRONMENT)
    trained = (jax.tree.leaves(load_params(tmp_path / name)) for name in ("one", "two"))
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.slow
def test_preempted_processes_save_the_same_step_and_resume(tmp_path):
    command = [*TWO, *FLAGS, f"--workdir={tmp_path}", "--config.mesh=data:2"]
    endless = [*command, "--config.total_steps=100000", "--config.log_every_steps=1"]
    with subprocess.Popen(endless, env=ENVIRONMENT) as run:
        while not (tmp_path / "metrics.jsonl").exists():
            assert run.poll() is None
            time.sleep(0.2)
        time.sleep(1)
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=60) != 0
    saved = Checkpoints(tmp_path).latest_step()
    assert 0 < saved < 100000
    subprocess.run([*command, f"--config.total_steps={saved + 2}"], check=True, env=ENVIRONMENT)
    assert Checkpoints(tmp_path).latest_step() == saved + 2
