"""Estimated cost of a training step: memory of each device, FLOPs, compile time."""

import dataclasses
import time

import jax
from ml_collections import ConfigDict

from mript_jax.config import check_config
from mript_jax.training.flops import count_flops
from mript_jax.training.memory import device_memory
from mript_jax.training.setup import set_up


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Cost of one training step."""

    devices: int
    parameters: int
    state_bytes: int  # of one device: weights, their averages, the optimizer's state
    working_bytes: int  # of one device: temporary memory and the batch
    flops: float  # of one step, over all devices
    compile_seconds: float
    device_bytes: int  # of memory of each device here

    def __str__(self) -> str:
        gib, devices = 2**30, "1 device" if self.devices == 1 else f"{self.devices} devices"
        return (
            f"{self.parameters / 1e6:.1f} million parameters on {devices}; each holds "
            f"{self.state_bytes / gib:.2f} GiB of state and needs {self.working_bytes / gib:.2f} "
            f"GiB to work in, of {self.device_bytes / gib:.2f} GiB here; "
            f"{self.flops / 1e12:.3g} TFLOP a step; compiled in {self.compile_seconds:.0f} s"
        )


def estimate(config: ConfigDict) -> Estimate:
    """Compile the training step of a config for the available devices, without running it."""
    check_config(config)
    setup = set_up(config)
    flops = count_flops(setup.step, setup.abstract_state, setup.abstract_batch)
    began = time.perf_counter()
    memory = (
        setup.step.lower(setup.abstract_state, setup.abstract_batch).compile().memory_analysis()
    )
    return Estimate(
        devices=setup.mesh.size,
        parameters=sum(leaf.size for leaf in jax.tree.leaves(setup.abstract_state.params)),
        state_bytes=memory.alias_size_in_bytes,
        working_bytes=memory.temp_size_in_bytes
        + memory.argument_size_in_bytes
        - memory.alias_size_in_bytes,
        flops=flops,
        compile_seconds=time.perf_counter() - began,
        device_bytes=device_memory(),
    )
