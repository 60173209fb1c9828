from pathlib import Path

import jax
import pytest

from mript_jax.errors import UserError
from mript_jax.training.distributed import SEVERAL, initialize

ROOT = Path(__file__).parents[2]


@pytest.fixture
def joined(monkeypatch):
    """Arguments of calls of jax.distributed.initialize, in an environment without a cluster."""
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
def test_single_process_is_not_initialized(joined, monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    initialize()
    assert not joined


def test_join_initializes_without_environment_variables(joined):
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
def test_environment_of_several_processes_is_initialized(joined, monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    initialize()
    assert joined == [()]


def test_explicit_arguments_have_priority(joined):
    initialize("host:1", 2, 1, join=True)
    assert joined == [("host:1", 2, 1)]


@pytest.mark.parametrize(("processes", "process"), [(0, 0), (2, -1), (2, 2)])
def test_inconsistent_explicit_arguments_are_a_user_error(joined, processes, process):
    with pytest.raises(UserError, match=rf"got {processes}\).*got {process}\)"):
        initialize("host:1", processes, process)
    assert not joined


def test_join_without_a_cluster_is_a_user_error_that_names_the_flags(launch, tmp_path):
    config, workdir = f"--config={ROOT / 'configs' / 'mript_tiny.py'}", tmp_path / "run"
    told = launch("train.py", "--join", config, f"--workdir={workdir}")
    assert told.status == 2 and not workdir.exists()
    assert "no cluster to join" in told.stderr and "--coordinator" in told.stderr
