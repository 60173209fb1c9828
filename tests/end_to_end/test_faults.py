"""Real runs that are killed, starved and disturbed: each stops with a reason, and resumes.

The bits of a disturbed run are those of one that was left alone.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from mript_jax.checkpoint import find_checkpoint, load_params
from mript_jax.config import load_config_file
from mript_jax.training.loop import train

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


def train_in_this_process(workdir, fields):
    """The body of a process that is made by forking, so that starting it takes no imports."""
    os.environ["XLA_FLAGS"] = ""
    config = load_config_file("unet").unlock()
    config.update_from_flattened_dict(fields)
    train(config, workdir)


def steps_of(workdir):
    folder = workdir / "checkpoints"
    return [int(path.name) for path in folder.glob("*") if path.name.isdigit()]


def test_run_killed_at_any_moment_is_bit_identical(tmp_path, scans):
    """Kills at random moments: a third while the run starts, others while it trains or saves."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.end_to_end.test_faults"])
    fields = {**RUN, "data.source": "fastmri", "data.path": str(scans), "log_every_steps": 1000}
    fields |= {"compilation_cache": str(tmp_path / "cache"), "total_steps": 10**6}

    def start(workdir, **changes):
        arguments = workdir, fields | changes
        process = context.Process(target=train_in_this_process, args=arguments)
        process.start()
        return process

    killed, generator = tmp_path / "killed", np.random.default_rng(0)
    newest, moments, starts = -1, {"starting": 0, "training": 0}, []
    for kill in range(KILLS):
        began, process = time.monotonic(), start(killed)
        if kill % 3 == 1:
            time.sleep(generator.uniform(0, np.median(starts)))
        else:
            while max(steps_of(killed), default=-1) <= newest and process.is_alive():
                time.sleep(0.005)
            starts.append(time.monotonic() - began)
            time.sleep(generator.uniform(0, 0.5))
        assert process.is_alive(), "the run ended before it was killed"
        process.kill()
        process.join()
        moments["starting" if kill % 3 == 1 else "training"] += 1
        found = int(find_checkpoint(killed).name)
        assert found >= newest, "a kill lost a finished checkpoint"
        newest = found
    assert not (killed / "damaged").exists()
    for workdir in (killed, tmp_path / "whole"):
        process = start(workdir, total_steps=newest + 5)
        process.join()
        assert process.exitcode == 0
    print(f"{moments} killed, up to step {newest}")
    assert same(load_params(killed), load_params(tmp_path / "whole"))
