"""The time of a training step, from which a study computes how many fit."""

import time

import pytest

from mript_jax.checkpoint import write_config
from mript_jax.training import step_time
from mript_jax.training.setup import set_up
from mript_jax.training.step_time import seconds_per_step


@pytest.fixture
def config(quick_config, monkeypatch):
    monkeypatch.setattr(step_time, "TIMED", 3)
    return quick_config()


def test_step_time_counts_data_and_computation_but_not_compilation(config):
    start = time.perf_counter()
    of_one = seconds_per_step(config)
    in_all = time.perf_counter() - start
    assert 0 < of_one < in_all / 5  # as many steps ran, beside the compilation


@pytest.mark.parametrize(
    "model",
    [{}, pytest.param({"features": 2, "pools": 1, "iterations": 1}, marks=pytest.mark.slow)],
    ids=["without k-space", "with k-space"],
)
def test_step_time_waits_for_batches_of_every_shape(config, model):
    config.data.undersampling = "simulated"
    config.data.simulation.coils = (1, 2, 1)
    if model:
        config.model = {"name": "unet", "dtype": "float32", **model}
    assert seconds_per_step(config) > 0


def test_steps_are_as_many_as_fit_and_stay_so_when_the_run_resumes(
    quick_config, tmp_path, monkeypatch
):
    monkeypatch.setattr(step_time, "seconds_per_step", lambda config, timed, setup: 0.5)
    long = {"total_steps": 100, "optimizer.warmup_steps": 10, "evaluate_every_steps": 50}
    config = quick_config(**long)
    told = step_time.limit_steps(config, tmp_path, 0.2, set_up(config))
    assert told == "0.50 s a step here: 24 steps, 0.2 minutes"
    assert (config.total_steps, config.optimizer.warmup_steps) == (24, 4)
    assert config.evaluate_every_steps == 24  # so that there is a PSNR and a picture
    write_config(tmp_path, config)
    again = quick_config(**long)
    assert step_time.limit_steps(again, tmp_path, 9.0, set_up(again)) == "resumed: 24 steps in all"
    assert (again.total_steps, again.optimizer.warmup_steps) == (24, 4)
    assert again.evaluate_every_steps == 24


def test_steps_that_fit_are_no_more_than_those_asked_for(quick_config, tmp_path, monkeypatch):
    monkeypatch.setattr(step_time, "seconds_per_step", lambda config, timed, setup: 0.5)
    config = quick_config(total_steps=100, evaluate_every_steps=0)
    step_time.limit_steps(config, tmp_path, 60.0, set_up(config))
    assert config.total_steps == 100
    assert config.evaluate_every_steps == 0  # never stays never
