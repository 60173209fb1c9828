"""Joules from the counters of a GPU and of a CPU, both replaced by stubs."""

import itertools
import sys
import types

import jax
import pytest

from mript_jax.benchmarks import energy


@pytest.fixture
def nvml(monkeypatch):
    """A stub of NVML with a counter in millijoules, JAX as on a GPU, and the opened devices."""
    opened, counter = [], itertools.count(0, 5000)
    module = types.ModuleType("pynvml")
    module.NVMLError = type("NVMLError", (Exception,), {})
    module.nvmlInit = lambda: None
    module.nvmlDeviceGetHandleByIndex = lambda index: opened.append(index)
    module.nvmlDeviceGetHandleByUUID = lambda uuid: opened.append(uuid)
    module.nvmlDeviceGetTotalEnergyConsumption = lambda device: next(counter)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(energy, "LONG_ENOUGH", 0.1)
    return module, opened


def test_joules_per_call_of_a_gpu_are_the_difference_of_two_readings(nvml):
    calls = []
    used = energy.joules_per_call(energy.energy_meter(), calls.append, 0)
    assert used == pytest.approx(5.0 / (len(calls) - 1))  # the first call warms up


@pytest.mark.parametrize(("visible", "device"), [("3,1", 3), ("GPU-ab", "GPU-ab"), (None, 0)])
def test_meter_reads_the_visible_gpu(nvml, monkeypatch, visible, device):
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    else:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    energy.energy_meter()
    assert nvml[1] == [device]


def test_gpu_without_a_counter_has_no_meter(nvml):
    def unsupported(device):
        raise nvml[0].NVMLError("not supported")

    nvml[0].nvmlDeviceGetTotalEnergyConsumption = unsupported
    assert energy.energy_meter() is None


def test_joules_of_a_cpu_are_the_sum_of_its_packages(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    assert energy.energy_meter() is None
    for package, microjoules in enumerate((2_000_000, 500_000)):
        counter = tmp_path / f"intel-rapl:{package}" / "energy_uj"
        counter.parent.mkdir()
        counter.write_text(f"{microjoules}\n")
    assert energy.energy_meter()() == 2.5
