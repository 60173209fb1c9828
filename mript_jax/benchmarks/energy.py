"""Energy counters of devices: NVML for an NVIDIA GPU, RAPL for a CPU."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

POWERCAP = Path("/sys/class/powercap")
LONG_ENOUGH = 2.0  # seconds of a measurement: the counters change a few dozen times a second


def energy_meter() -> Callable[[], float] | None:
    """Return a function that reads the joules used so far, or None without such a counter.

    The counter is of the whole device: idle time and other processes are included.
    """
    if jax.default_backend() == "gpu":
        return _nvml()
    return _rapl() if jax.default_backend() == "cpu" else None


def joules_per_call(meter: Callable[[], float], function: Callable, *arguments: Any) -> float:
    """Mean energy of a call of `function`, measured over some seconds."""
    jax.block_until_ready(function(*arguments))
    calls, before, start = 0, meter(), time.perf_counter()
    while time.perf_counter() - start < LONG_ENOUGH:
        jax.block_until_ready(function(*arguments))
        calls += 1
    return (meter() - before) / calls


def _nvml() -> Callable[[], float] | None:
    try:
        import pynvml
    except ImportError:
        return None
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    try:
        pynvml.nvmlInit()
        if first.isdigit():
            device = pynvml.nvmlDeviceGetHandleByIndex(int(first))
        else:
            device = pynvml.nvmlDeviceGetHandleByUUID(first)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(device)
    except pynvml.NVMLError:  # a GPU without the counter, or part of one
        return None
    return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1e3


def _rapl() -> Callable[[], float] | None:
    counters = sorted(POWERCAP.glob("intel-rapl:?/energy_uj"))  # one for each package
    if not counters or not all(os.access(counter, os.R_OK) for counter in counters):
        return None
    return lambda: sum(int(counter.read_text()) for counter in counters) / 1e6
