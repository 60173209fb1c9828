"""A preempted run saves its state at any moment and resumes from it."""

import os
import signal
from pathlib import Path

import pytest

from mript_jax.checkpoint import Checkpoints
from mript_jax.config import load_config_file
from mript_jax.training import loop
from mript_jax.training.log import TrainingLog
from mript_jax.training.preemption import Preemption

SMALL = {
    "data.image_size": 32,
    "data.options.phantom.count": 40,
    "data.options.phantom.size": 32,
    "model.features": 4,
    "model.pools": 1,
    "model.iterations": 0,
    "loss": "l1",
    "optimizer.warmup_steps": 0,
    "global_batch_size": 8,
    "total_steps": 6,
    "checkpoint_every_steps": 2,
    "evaluate_every_steps": 3,
}


@pytest.fixture
def config():
    config = load_config_file(Path(__file__).parents[2] / "configs" / "unet.py")
    config.update_from_flattened_dict(SMALL)
    return config


SLOW = pytest.param("validation", marks=pytest.mark.slow)


@pytest.mark.parametrize("moment", ["step", SLOW])
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
    with config.unlocked():
        config.total_steps = 9
    assert int(loop.train(config, tmp_path).step) == 9
    assert Checkpoints(tmp_path / "best").latest_step() is not None
