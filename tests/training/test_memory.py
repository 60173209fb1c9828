"""A training that cannot fit is refused in one line, before memory is taken."""

import jax
import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.training import loop, memory
from mript_jax.training.setup import set_up


@pytest.fixture
def config(quick_config):
    return quick_config(total_steps=1, mesh="data:8")


@pytest.mark.parametrize(
    ("size", "what"), [(40, "weights, their gradient"), (5_000, "a training step")]
)
def test_run_that_cannot_fit_is_refused_with_what_would(config, tmp_path, monkeypatch, size, what):
    monkeypatch.setattr(memory, "device_memory", lambda: size)
    with pytest.raises(UserError, match=f"{what} .*micro_batch_size.*--estimate") as error:
        loop.train(config, tmp_path)
    assert "\n" not in str(error.value)
    assert "mript" not in str(error.value)  # another model runs
    assert not (tmp_path / "config.json").exists()


def test_check_of_memory_compiles_the_step_of_the_run_and_no_other(config, tmp_path):
    compiled = []

    def listen(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(seconds)

    setup = set_up(config)
    state = setup.create(setup.init())
    batch = jax.tree.map(lambda leaf: jax.numpy.ones(leaf.shape, leaf.dtype), setup.abstract_batch)
    batch = jax.device_put(batch, setup.batch_sharding)
    memory.refuse_without_memory_for_step(setup)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        setup.step(state, batch, np.float32(1e-3))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not compiled


def test_memory_of_the_host_is_that_of_its_container(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CGROUP_LIMITS", (str(limit), str(tmp_path / "none")))
    limit.write_text("max\n")
    assert memory.host_memory() > 2**20
    limit.write_text("1048576\n")
    assert memory.host_memory() == 2**20
    assert memory.device_memory() == 2**20 // 8


def test_exhausted_memory_names_the_estimate():
    told = r"ran out \(Out of memory allocating 9 bytes\).*--estimate"
    with pytest.raises(UserError, match=told), memory.named_exhaustion():
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
    with pytest.raises(jax.errors.JaxRuntimeError), memory.named_exhaustion():
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")
