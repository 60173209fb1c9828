"""A CPU is divided into devices where a model gains by it, and where nobody said otherwise."""

import os
import subprocess
import sys

import jax
import pytest

from mript_jax.config import load_config_file
from mript_jax.training import cores


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({}, 4),
        ({"batch": 9}, 3),
        ({"batch": 7}, 1),
        ({"config": "mript_tiny"}, None),
        ({"mesh": "data:1"}, None),
        ({"environment": ("JAX_NUM_CPU_DEVICES", "2")}, None),
        ({"environment": ("XLA_FLAGS", "--xla_force_host_platform_device_count=3")}, None),
    ],
)
def test_devices_are_as_many_as_share_a_batch(monkeypatch, case, expected):
    asked = {}
    monkeypatch.setattr(jax.config, "update", asked.__setitem__)
    monkeypatch.setattr(cores, "cores", lambda: 6)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.delenv("JAX_NUM_CPU_DEVICES", raising=False)
    if "environment" in case:
        monkeypatch.setenv(*case["environment"])
    config = load_config_file(f"configs/{case.get('config', 'unrolled')}.py").unlock()
    config.global_batch_size = case.get("batch", 4)
    config.mesh = case.get("mesh", "data:-1")
    cores.divide_cpu(config)
    assert asked.get("jax_num_cpu_devices") == expected


CODE = """
import jax
from mript_jax.config import load_config_file
from mript_jax.training import cores
cores.cores = lambda: 2
cores.divide_cpu(load_config_file("configs/unrolled.py"))
print(jax.device_count())
"""


def test_jax_has_the_devices():
    """In a process of its own: the devices are fixed at their first use."""
    given = ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES")
    env = {name: value for name, value in os.environ.items() if name not in given}
    run = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True)
    assert run.stdout.strip() == "2", run.stderr
