"""The scripts that start runs elsewhere, with stand-ins for the clusters' own commands."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LAUNCH = Path(__file__).parents[1] / "launch"
SCRIPTS = sorted([*LAUNCH.rglob("*.sh"), *LAUNCH.rglob("*.sbatch")])
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
OVERRIDES = ["--config.data.patterns=('radial', \"spiral\")", "--config.total_steps=5"]
RUN = {"CONFIG": "configs/mript_tiny.py", "WORKDIR": "gs://bucket/a run"}


@pytest.fixture
def command(tmp_path):
    """Puts commands on the PATH that note how they were called."""

    def make(name, body=""):
        path = tmp_path / name
        path.write_text(f'#!/bin/bash\nprintf "%s\\0" "$@" > {tmp_path}/{name}.called\n{body}\n')
        path.chmod(0o755)
        return tmp_path / f"{name}.called"

    return make


def environment(tmp_path, **values):
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", **RUN, **values}


def trained_with(shell_command):
    """The flags that launch/train.py gets in a command line for a shell."""
    words = shlex.split(shell_command)
    return words[words.index("launch/train.py") + 1 :]


@pytest.mark.skipif(not SHELLCHECK.exists(), reason="the test extra brings shellcheck")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(LAUNCH)))
def test_shellcheck_finds_nothing(script):
    check = [SHELLCHECK, "-x", script]
    found = subprocess.run(check, capture_output=True, text=True, cwd=LAUNCH.parent)
    assert not found.returncode, found.stdout


@pytest.mark.parametrize(
    ("script", "name", "values"),
    [
        ("tpu/train.sh", "gcloud", {"TPU": "pod", "ZONE": "zone"}),
        ("gke/train.sh", "xpk", {"CLUSTER": "c", "TPU_TYPE": "v5litepod-16", "IMAGE": "image"}),
    ],
)
def test_overrides_reach_the_workers_as_they_were_given(tmp_path, command, script, name, values):
    called = command(name)
    subprocess.run(
        ["bash", LAUNCH / script, *OVERRIDES], check=True, env=environment(tmp_path, **values)
    )
    (line,) = [a for a in called.read_text().split("\0") if a.startswith("--command=")]
    expected = [f"--config={RUN['CONFIG']}", f"--workdir={RUN['WORKDIR']}", *OVERRIDES]
    assert trained_with(line.removeprefix("--command=")) == expected


@pytest.mark.parametrize("script", ["tpu/train.sh", "gke/train.sh", "slurm/train.sbatch"])
def test_a_variable_that_was_not_set_is_named(script):
    run = subprocess.run(
        ["bash", LAUNCH / script], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )
    assert run.returncode and ": set " in run.stderr


def test_a_preempted_slurm_job_saves_and_goes_back_to_the_queue(tmp_path, command):
    stopped, requeued = tmp_path / "stopped", command("scontrol")
    began = command("srun", f"trap 'touch {stopped}; exit 0' TERM\nwhile true; do sleep 0.05; done")
    job = subprocess.Popen(
        ["bash", LAUNCH / "slurm" / "train.sbatch", *OVERRIDES],
        env=environment(tmp_path, SLURM_JOB_ID="17", SLURM_SUBMIT_DIR=str(tmp_path)),
        stdout=subprocess.DEVNULL,
    )
    while not began.exists():
        time.sleep(0.02)
    time.sleep(0.2)  # until its trap is set
    job.send_signal(signal.SIGTERM)
    assert job.wait(timeout=30) is not None
    assert stopped.exists(), "training was not asked to save"
    assert requeued.read_text().split("\0")[:2] == ["requeue", "17"]
    assert began.read_text().split("\0")[-3:-1] == OVERRIDES
