"""Real runs that are killed, starved and disturbed: each stops with a reason, and resumes.

The bits of a disturbed run are those of one that was left alone.
"""

import multiprocessing
import os
import shutil
import subprocess
import time

import jax
import numpy as np
import pytest

from mript_jax.checkpoint import find_checkpoint, load_params
from mript_jax.config import load_config_file
from mript_jax.training.loop import train
from tests.end_to_end.small_run import ENVIRONMENT, RUN, train_command, write_scans

KILLS = int(os.environ.get("KILLS", "100"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder of scan files."""
    return write_scans(tmp_path_factory.mktemp("scans"))


@pytest.fixture(scope="module")
def command(tmp_path_factory, scans):
    """Makes the command of a run that compiles once for all tests."""
    cache = tmp_path_factory.mktemp("cache")

    def make(workdir, **changes):
        return train_command(workdir, scans, cache, **{"total_steps": 12, **changes})

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


def finishes_like(command, workdir, undisturbed):
    """The same command, once the fault is gone, ends with the weights of a run left alone."""
    subprocess.run(command(workdir), check=True, env=ENVIRONMENT)
    return same(load_params(workdir), undisturbed)


@pytest.mark.parametrize("size", ["60k", "350k"])
def test_full_disk_is_named_and_loses_nothing(command, undisturbed, tmp_path, size):
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(tmp_path)]
    ).returncode:
        pytest.skip("no disk of a chosen size can be mounted here")
    try:
        assert fails_in_one_line(run(command(tmp_path / "run")), "No space left on device")
        subprocess.run(["mount", "-o", "remount,size=20m", str(tmp_path)], check=True)
        assert finishes_like(command, tmp_path / "run", undisturbed)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_folder_that_cannot_be_written_is_named(command, tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(tmp_path)]).returncode:
        pytest.skip("no folder can be mounted here")
    try:
        result = run(command(tmp_path / "run"))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert fails_in_one_line(result, str(tmp_path / "run"), "Read-only file system")


def test_scan_that_vanishes_is_named_and_loses_nothing(command, scans, undisturbed, tmp_path):
    folder = shutil.copytree(scans, tmp_path / "scans")
    gone, kept = folder / "phantom_0_003.h5", tmp_path / "kept.h5"
    fields = {"data.path": folder, "data.max_broken": 0}
    subprocess.run(command(tmp_path / "run", **fields, total_steps=4), check=True, env=ENVIRONMENT)
    shutil.move(gone, kept)
    gone.symlink_to(tmp_path / "nowhere")  # its name is still there, as on a share that went away
    assert fails_in_one_line(run(command(tmp_path / "run", **fields)), gone.name)
    gone.unlink()
    shutil.move(kept, gone)
    run_on = command(tmp_path / "run", **fields)
    subprocess.run(run_on, check=True, env=ENVIRONMENT)
    assert same(load_params(tmp_path / "run"), undisturbed)


def test_clock_set_back_changes_nothing(command, undisturbed, tmp_path):
    """The second half runs in a past that is 30 years before the first."""
    subprocess.run(command(tmp_path, total_steps=6), check=True, env=ENVIRONMENT)
    for path in tmp_path.rglob("*"):
        os.utime(path, (2e9, 2e9))  # in the future: 2033
    past = "import runpy, sys, time; now = time.time; time.time = lambda: now() - 30 * 365 * 86400;"
    past += "time.time_ns = lambda: int(time.time() * 1e9); sys.argv = sys.argv[1:];"
    past += "runpy.run_path(sys.argv[0], run_name='__main__')"
    python, *arguments = command(tmp_path)
    subprocess.run([python, "-c", past, *arguments], check=True, env=ENVIRONMENT)
    assert find_checkpoint(tmp_path).name == "12"
    assert same(load_params(tmp_path), undisturbed)


def test_damaged_newest_step_is_told_and_loses_nothing(command, undisturbed, tmp_path):
    subprocess.run(command(tmp_path, total_steps=8), check=True, env=ENVIRONMENT)
    largest = max(
        (tmp_path / "checkpoints" / "8" / "training").rglob("*/d/*"), key=lambda p: p.stat().st_size
    )
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    result = run(command(tmp_path))
    assert result.returncode == 0 and "resumes from step 6" in result.stderr, result.stderr
    assert (tmp_path / "damaged" / "8").is_dir()
    assert same(load_params(tmp_path), undisturbed)
