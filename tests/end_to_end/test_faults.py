"""Real runs that are killed, starved and disturbed: each stops with a reason, and resumes.

The bits of a disturbed run are those of one that was left alone.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from mript_jax.checkpoint import find_checkpoint, load_params

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", "100"))
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

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder of scan files."""
    folder = tmp_path_factory.mktemp("scans")
    flags = ["--volumes=12", "--slices=2", "--size=32", f"--output={folder}"]
    subprocess.run([sys.executable, str(ROOT / "launch" / "make_phantoms.py"), *flags], check=True)
    return folder


@pytest.fixture(scope="module")
def command(tmp_path_factory, scans):
    """Makes the command of a run that compiles once for all tests."""
    cache = tmp_path_factory.mktemp("cache")

    def make(workdir, **changes):
        fields = {**RUN, "data.source": "fastmri", "data.path": scans, "total_steps": 12, **changes}
        return [
            *(sys.executable, str(ROOT / "launch" / "train.py")),
            *(f"--config={ROOT / 'configs' / 'unet.py'}", f"--workdir={workdir}"),
            f"--config.compilation_cache={cache}",
            *(f"--config.{name}={value}" for name, value in fields.items()),
        ]

    return make


@pytest.fixture(scope="module")
def undisturbed(command, tmp_path_factory):
    """The weights of a run of 12 steps that is left alone."""
    workdir = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(command(workdir), check=True, env=ENVIRONMENT)
    return load_params(workdir)


def fails_in_one_line(run, *words):
    """A run that ended with status 2 and one line of reason, after its progress."""
    lines = [line for line in run.stderr.splitlines() if not line.startswith(("step", "WARNING"))]
    assert run.returncode == 2 and len(lines) == 1, run.stderr
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    return True


def run(arguments, **options):
    return subprocess.run(
        arguments, env=options.pop("env", ENVIRONMENT), capture_output=True, text=True, **options
    )


def same(a, b):
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def test_run_killed_at_any_moment_is_bit_identical(command, tmp_path):
    """Kills at random moments, from the start of the process to its end, then lets it finish."""
    steps = {"total_steps": 100 * KILLS, "checkpoint_every_steps": 5, "log_every_steps": 1000}
    killed, generator, kills = tmp_path / "killed", np.random.default_rng(0), 0
    newest, longest = -1, 20.0
    while kills < KILLS:
        moment = time.monotonic()
        with subprocess.Popen(
            command(killed, **steps), env=ENVIRONMENT, start_new_session=True
        ) as process:
            delay = generator.uniform(0, longest)
            while process.poll() is None and time.monotonic() - moment < delay:
                time.sleep(0.01)
            assert process.poll() is None, "the run ended before it was killed"
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        if (killed / "checkpoints").exists() and any(
            path.name.isdigit() for path in (killed / "checkpoints").iterdir()
        ):
            found = int(find_checkpoint(killed).name)
            assert found >= newest, "a kill lost a finished checkpoint"
            newest = found
    assert newest > 0
    last = {**steps, "total_steps": newest + 5}
    for workdir in (killed, tmp_path / "whole"):
        subprocess.run(command(workdir, **last), check=True, env=ENVIRONMENT)
    assert not (killed / "damaged").exists()
    print(f"{kills} kills up to step {newest}")
    assert same(load_params(killed), load_params(tmp_path / "whole"))
