"""Two runs never write to one folder."""

import os
import signal
import subprocess
import sys

import pytest

from mript_jax.errors import UserError
from mript_jax.training import lock, loop

HOLDS = "from pathlib import Path; from mript_jax.training.lock import locked\n"
HOLDS += "with locked(Path({!r})): print('held', flush=True); input()"


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of tmp_path."""
    command = [sys.executable, "-c", HOLDS.format(str(tmp_path))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_second_run_in_a_folder_is_refused_until_the_first_is_killed(
    holder, tmp_path, quick_config
):
    config = quick_config(total_steps=1)
    with pytest.raises(UserError, match=f"{tmp_path} belongs to a run .*process {holder.pid}"):
        loop.train(config, tmp_path)
    assert os.listdir(tmp_path) == [lock.LOCK]
    with lock.locked(tmp_path, writes=False):  # another process of the same run
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert int(loop.train(config, tmp_path).step) == 1
    with lock.locked(tmp_path):  # the run has released it
        pass


def test_folder_without_locks_is_used_with_a_warning(tmp_path, monkeypatch, caplog):
    def unsupported(*_):
        raise OSError(lock.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    with lock.locked(tmp_path):
        assert "has no locks" in caplog.text
