"""Compiled programs in the user's cache folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mript_jax import program_cache
from tests.end_to_end.small_run import ENVIRONMENT, train_command, write_scans

ROOT = Path(__file__).parents[1]


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Environment variables of a user who set none of JAX's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(program_cache.FOLDER)
    monkeypatch.delenv(program_cache.SHORTEST)
    return monkeypatch


def test_programs_are_kept_in_the_users_cache_folder(environment, tmp_path):
    program_cache.use_program_cache()
    folder = Path(os.environ[program_cache.FOLDER])
    assert folder.is_dir() and folder.is_relative_to(tmp_path / "mript_jax")


def test_folder_that_is_set_stays(environment, tmp_path):
    environment.setenv(program_cache.FOLDER, "mine")
    program_cache.use_program_cache()
    assert os.environ[program_cache.FOLDER] == "mine" and not list(tmp_path.iterdir())


def test_folder_that_cannot_be_made_is_no_error(environment, tmp_path):
    (tmp_path / "mript_jax").write_text("a file in its place")
    program_cache.use_program_cache()
    assert program_cache.FOLDER not in os.environ


def test_full_folder_loses_its_oldest_files(monkeypatch, tmp_path):
    for age in range(4):
        path = tmp_path / f"program_{age}"
        path.write_bytes(bytes(10))
        os.utime(path, (1000 - age, 1000 - age))
    monkeypatch.setattr(program_cache, "LARGEST", 40)
    program_cache.shrink(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    monkeypatch.setattr(program_cache, "LARGEST", 39)
    program_cache.shrink(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program_0"]


@pytest.mark.slow
def test_second_command_compiles_nothing(tmp_path):
    environment = {
        **{n: v for n, v in os.environ.items() if not n.startswith(("JAX_C", "JAX_P"))},
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def train(steps):
        command = [sys.executable, str(ROOT / "launch" / "train.py"), "--config=mript_tiny"]
        command += [f"--workdir={tmp_path / str(steps)}", f"--config.total_steps={steps}"]
        subprocess.run(command, check=True, env=environment)
        return sorted(path.name for path in (tmp_path / "cache").rglob("*-cache"))

    first = train(steps=1)
    assert any("step" in name for name in first)
    assert train(steps=2) == first


@pytest.mark.slow
def test_step_that_was_timed_is_kept_in_the_folder_of_the_config(tmp_path):
    scans = write_scans(tmp_path / "scans")
    command = train_command(tmp_path / "run", scans, tmp_path / "cache", total_steps=2)
    environment = ENVIRONMENT | {
        program_cache.FOLDER: str(tmp_path / "other"),
        program_cache.SHORTEST: "0",
    }
    subprocess.run([*command, "--minutes=1"], check=True, env=environment)
    assert len(list((tmp_path / "cache").glob("jit_step*-cache"))) == 1
    assert not list((tmp_path / "other").glob("jit_step*"))
