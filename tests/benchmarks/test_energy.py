"""Joules from the counters of a GPU and of a CPU, which are stood in for."""

import itertools
import sys
import types

import jax
import pytest

from mript_jax.benchmarks import energy


@pytest.fixture
def nvml(monkeypatch):
    """NVML with a counter in millijoules, and JAX as on a GPU; yields what was asked for."""
    asked, counter = [], itertools.count(0, 5000)
    module = types.ModuleType("pynvml")
    module.NVMLError = type("NVMLError", (Exception,), {})
    module.nvmlInit = lambda: None
    module.nvmlDeviceGetHandleByIndex = lambda index: asked.append(index)
    module.nvmlDeviceGetHandleByUUID = lambda uuid: asked.append(uuid)
    module.nvmlDeviceGetTotalEnergyConsumption = lambda device: next(counter)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(energy, "LONG_ENOUGH", 0.1)
    return module, asked


def test_a_gpu_tells_the_joules_between_two_readings(nvml):
    calls = []
    used = energy.joules_per_call(energy.energy_meter(), calls.append, 0)
    assert used == pytest.approx(5.0 / (len(calls) - 1))  # the first call warms up


@pytest.mark.parametrize(("visible", "device"), [("3,1", 3), ("GPU-ab", "GPU-ab"), (None, 0)])
def test_it_is_the_gpu_that_is_used(nvml, monkeypatch, visible, device):
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    else:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    energy.energy_meter()
    assert nvml[1] == [device]


def test_a_gpu_without_the_counter_tells_nothing(nvml):
    def unsupported(device):
        raise nvml[0].NVMLError("not supported")

    nvml[0].nvmlDeviceGetTotalEnergyConsumption = unsupported
    assert energy.energy_meter() is None


def test_a_cpu_tells_the_sum_of_its_packages(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    assert energy.energy_meter() is None
    for package, microjoules in enumerate((2_000_000, 500_000)):
        counter = tmp_path / f"intel-rapl:{package}" / "energy_uj"
        counter.parent.mkdir()
        counter.write_text(f"{microjoules}\n")
    assert energy.energy_meter()() == 2.5
