"""The time of a training step, from which a study computes how many fit."""

import time

import pytest

from mript_jax.config import load_config_file
from mript_jax.training import step_time
from mript_jax.training.step_time import seconds_per_step


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setattr(step_time, "TIMED", 3)
    config = load_config_file("unet").unlock()
    config.global_batch_size = 8
    config.data.image_size = 32
    config.data.options.phantom.update({"count": 24, "size": 32})
    config.model.update({"features": 2, "pools": 1})
    return config


def test_step_time_counts_data_and_computation_but_not_compilation(config):
    start = time.perf_counter()
    of_one = seconds_per_step(config)
    in_all = time.perf_counter() - start
    assert 0 < of_one < in_all / 5  # as many steps ran, beside the compilation


@pytest.mark.slow
def test_step_time_waits_for_batches_of_every_shape(config):
    config.data.undersampling = "simulated"
    config.data.simulation.coils = (1, 2)
    config.model.iterations = 1
    assert seconds_per_step(config) > 0
