"""The time of a training step, from which a study computes how many fit."""

import time

import pytest

from mript_jax.training import step_time
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
