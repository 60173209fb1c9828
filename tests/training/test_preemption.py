"""A preempted run saves its state at any moment and resumes from it."""

import os
import signal

import pytest

from mript_jax.checkpoint import Checkpoints
from mript_jax.training import loop
from mript_jax.training.log import TrainingLog
from mript_jax.training.preemption import Preemption


@pytest.fixture
def config(quick_config):
    return quick_config(total_steps=6, checkpoint_every_steps=2, evaluate_every_steps=3)


@pytest.mark.parametrize("moment", ["step", pytest.param("validation", marks=pytest.mark.slow)])
def test_sigterm_at_any_moment_ends_with_a_checkpoint(config, tmp_path, monkeypatch, moment):
    method = getattr(TrainingLog, moment)

    def interrupted(self, number, *args, **kwargs):
        if number == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return method(self, number, *args, **kwargs)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(TrainingLog, moment, interrupted)
    state = loop.train(config, tmp_path)
    assert int(state.step) == 4 and Checkpoints(tmp_path).latest_step() == 4
    assert signal.getsignal(signal.SIGTERM) is before
    assert int(loop.train(config, tmp_path).step) == 6


def test_preemption_is_false_without_a_signal():
    with Preemption() as preemption:
        assert not preemption(1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert preemption(2)


def test_run_resumes_after_an_incomplete_save_of_the_best_weights(config, tmp_path):
    loop.train(config.copy_and_resolve_references(), tmp_path)
    cut = tmp_path / "best" / "checkpoints" / "9.orbax-checkpoint-tmp-1"
    for step in (tmp_path / "best" / "checkpoints").iterdir():
        step.rename(cut)
    config.total_steps = 9
    assert int(loop.train(config, tmp_path).step) == 9
    assert Checkpoints(tmp_path / "best").latest_step() is not None
