"""A run that waits for data says so, goes on when it comes, and can be ended meanwhile."""

import os
import signal
import threading

import pytest

from mript_jax.checkpoint import Checkpoints
from mript_jax.data.pipeline import Pipeline
from mript_jax.training import loop, stall


@pytest.fixture
def config(quick_config):
    return quick_config(total_steps=4, checkpoint_every_steps=10)


def stalled_at(monkeypatch, place, folder, meanwhile):
    """Makes the batch at a position wait for a FIFO, as a folder would that does not answer.

    `meanwhile(fifo)` is called half a second later.
    """
    fifo, take = folder / "fifo", Pipeline.__next__
    os.mkfifo(fifo)

    def take_when_it_answers(self):
        if self.get_state()["next_example"] == place and fifo.exists():
            threading.Timer(0.5, meanwhile, [fifo]).start()
            fifo.read_text()
            fifo.unlink()
        return take(self)

    monkeypatch.setattr(Pipeline, "__next__", take_when_it_answers)
    return fifo


def test_stall_is_told_and_the_run_goes_on_when_data_comes(config, tmp_path, monkeypatch, capsys):
    stalled_at(monkeypatch, 16, tmp_path, lambda fifo: fifo.write_text("data"))
    monkeypatch.setattr(stall, "PATIENCE", 0.1)
    assert int(loop.train(config, tmp_path / "run").step) == 4
    told = capsys.readouterr().err
    assert "does config.data.path='' answer?" in told and "s for data" in told


def test_sigterm_while_data_stalls_saves_the_step_before(config, tmp_path, monkeypatch):
    main = threading.main_thread().ident
    fifo = stalled_at(
        monkeypatch, 16, tmp_path, lambda _: signal.pthread_kill(main, signal.SIGTERM)
    )
    state = loop.train(config, tmp_path / "run")
    assert int(state.step) == Checkpoints(tmp_path / "run").latest_step() == 2
    fifo.unlink()
    assert int(loop.train(config, tmp_path / "run").step) == 4
