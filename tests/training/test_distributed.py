import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from mript_jax.errors import UserError
from mript_jax.training.distributed import SEVERAL, initialize

ROOT = Path(__file__).parents[2]


@pytest.fixture
def joined(monkeypatch):
    """What jax.distributed.initialize was called with, in a process that is alone."""
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *arguments: calls.append(arguments))
    for name in (*SEVERAL, "TPU_WORKER_HOSTNAMES"):
        monkeypatch.delenv(name, raising=False)
    return calls


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SLURM_NTASKS": "1"},
        {"TPU_WORKER_HOSTNAMES": "localhost"},
        {"TPU_WORKER_HOSTNAMES": "a", "MEGASCALE_NUM_SLICES": "1"},
    ],
)
def test_one_process_joins_nothing(joined, monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    initialize()
    assert not joined


def test_a_process_that_is_told_to_joins_though_its_environment_says_nothing(joined):
    initialize(join=True)
    assert joined == [()]


@pytest.mark.parametrize(
    "environment",
    [
        {"SLURM_NTASKS": "8"},
        {"TPU_WORKER_HOSTNAMES": "a,b"},
        {"TPU_WORKER_HOSTNAMES": "a", "MEGASCALE_NUM_SLICES": "2"},
    ],
)
def test_one_of_several_processes_joins_them(joined, monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    initialize()
    assert joined == [()]


def test_explicit_arguments_come_first(joined):
    initialize("host:1", 2, 1, join=True)
    assert joined == [("host:1", 2, 1)]


@pytest.mark.parametrize(("processes", "process"), [(0, 0), (2, -1), (2, 2)])
def test_explicit_arguments_that_do_not_fit_are_refused(joined, processes, process):
    with pytest.raises(UserError, match=rf"got {processes}\).*got {process}\)"):
        initialize("host:1", processes, process)
    assert not joined


def test_where_there_is_no_cluster_to_join_the_mistake_says_what_to_do(tmp_path):
    train = [sys.executable, ROOT / "launch" / "train.py", "--join"]
    train += [f"--config={ROOT / 'configs' / 'mript_tiny.py'}", f"--workdir={tmp_path / 'run'}"]
    alone = {"PATH": os.environ["PATH"], "JAX_PLATFORMS": "cpu"}
    run = subprocess.run(train, capture_output=True, text=True, check=False, env=alone, timeout=120)
    assert run.returncode == 2 and not (tmp_path / "run").exists()
    assert "no cluster to join" in run.stderr and "--coordinator" in run.stderr
