"""Estimated cost of a training step: memory, FLOPs, traffic, and the speed that they allow."""

import contextlib
import dataclasses
import re
import time
from collections.abc import Mapping
from typing import Any

import jax
from ml_collections import ConfigDict

from mript_jax.config import check_config
from mript_jax.errors import UserError
from mript_jax.target import target_of
from mript_jax.training.devices import Device, find_device
from mript_jax.training.hlo import Traffic, traffic
from mript_jax.training.memory import device_memory
from mript_jax.training.setup import set_up
from mript_jax.training.topology import admit_cudnn, topology_devices


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Cost of one training step."""

    kind: str  # of the devices
    devices: int
    parameters: int
    state_bytes: int  # of one device: weights, their averages, the optimizer's state
    working_bytes: int  # of one device: temporary memory and the batch
    flops: float  # of one step, over all devices, rematerialization included
    model_flops: float  # without it: three times those of the forward pass
    traffic: Traffic  # of one device
    images: int  # of one step
    compile_seconds: float
    device_bytes: int  # of memory of each device here; 0 for a topology's

    def seconds(self) -> Mapping[str, float] | None:
        """Least time of a step by what limits it, None for an unknown kind of device."""
        device = find_device(self.kind)
        if device is None:
            return None
        return {
            "arithmetic": self.flops / self.devices / device.flops,
            "memory": self.traffic.memory_bytes / device.bandwidth,
            "collectives": _sent_bytes(self.traffic, self.devices) / device.link,
        }

    def __str__(self) -> str:
        gib, devices = 2**30, "1 device" if self.devices == 1 else f"{self.devices} devices"
        lines = [
            f"{self.parameters / 1e6:.1f} million parameters on {devices}; each holds "
            f"{self.state_bytes / gib:.2f} GiB of state and needs {self.working_bytes / gib:.2f} "
            f"GiB to work in{self._here()}; {self.flops / 1e12:.3g} TFLOP a step, "
            f"{self.model_flops / 1e12:.3g} of them the model's own; compiled in "
            f"{self.compile_seconds:.0f} s",
            f"a device moves {self.traffic.memory_bytes / 1e9:.3g} GB from and to its memory in a "
            f"step; collectives: {self._collectives()}",
        ]
        device, seconds = find_device(self.kind), self.seconds()
        if device and seconds:
            lines += [self._fit(device), self._roofline(seconds)]
        return "\n".join(lines)

    def _here(self) -> str:
        return f", of {self.device_bytes / 2**30:.2f} GiB here" if self.device_bytes else ""

    def _collectives(self) -> str:
        parts = [
            f"{count} {kind} of {self.traffic.collective_bytes[kind] / 1e6:.3g} MB together"
            for kind, count in sorted(self.traffic.counts.items())
        ]
        return ", ".join(parts) or "none"

    def _fit(self, device: Device) -> str:
        share = (self.state_bytes + self.working_bytes) / device.memory
        verdict = "fits into" if share < 1 else "does not fit into"
        return f"{verdict} {self.kind}: {share:.0%} of its {device.memory / 1e9:.0f} GB"

    def _roofline(self, seconds: Mapping[str, float]) -> str:
        limit = max(seconds, key=lambda name: seconds[name])
        times = ", ".join(f"{name} {1e3 * value:.3g} ms" for name, value in seconds.items())
        return (
            f"roofline: at most {self.images / seconds[limit]:.3g} images/s, limited by {limit} "
            f"({times} a step)"
        )


def estimate(config: ConfigDict, topology: str = "") -> Estimate:
    """Compile the training step of a config, without running it.

    It is compiled for the process's devices, or for those of a `topology` such as "h100:8".
    """
    check_config(config)
    devices = topology_devices(topology) if topology else jax.devices()
    setup = set_up(config, devices)
    capability = target_of(devices).compute_capability
    with admit_cudnn(capability) if topology else contextlib.nullcontext():
        flops = setup.step_flops()
        began = time.perf_counter()
        compiled = _compile(setup.step.lower(*setup.step_arguments), topology)
    memory = compiled.memory_analysis()
    return Estimate(
        kind=devices[0].device_kind,
        devices=setup.mesh.size,
        parameters=sum(leaf.size for leaf in jax.tree.leaves(setup.abstract_state.params)),
        state_bytes=memory.alias_size_in_bytes,
        working_bytes=memory.temp_size_in_bytes
        + memory.argument_size_in_bytes
        - memory.alias_size_in_bytes,
        flops=flops,
        model_flops=setup.model_flops(),
        traffic=traffic(compiled.as_text()),
        images=config.global_batch_size,
        compile_seconds=time.perf_counter() - began,
        device_bytes=0 if topology else device_memory(),
    )


def _compile(lowered: Any, topology: str) -> Any:
    try:
        return lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        found = re.search(r"[Uu]sed ([\d.]+\w) of ([\d.]+\w)", str(error))
        if not found:
            raise
        raise UserError(
            f"a step does not fit into a device of {topology}: it needs {found[1]} of {found[2]}; "
            "a smaller config.optimizer.micro_batch_size or config.model.remat='full' needs less"
        ) from error


def _sent_bytes(traffic: Traffic, devices: int) -> float:
    """Bytes that a device sends in rings: twice for an all-reduce, once for the others."""
    factors = {"all-reduce": 2.0, "reduce-scatter": float(devices)}
    moved = sum(factors.get(kind, 1.0) * size for kind, size in traffic.collective_bytes.items())
    return moved * (devices - 1) / devices
