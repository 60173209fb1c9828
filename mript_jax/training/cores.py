"""The cores of a CPU as JAX's devices, each of which trains on examples of its own.

XLA shares single operations among the cores of a device, and those of an unrolled network are too
small for it: with a device for each of two cores its step takes 0.6 to 0.7 of the time
(docs/training.md).
"""

import os

import jax
from ml_collections import ConfigDict

from mript_jax.models import build_model
from mript_jax.side_by_side import cores

ALL = -1  # in a mesh: the devices that are left


def divide_cpu(config: ConfigDict) -> None:
    """Let the CPU be as many devices as share a batch evenly, if the model gains by it.

    Call it before any use of a device. It stays whole in a run of several processes, with a mesh
    of a fixed number of devices, and where JAX_NUM_CPU_DEVICES is set.
    """
    told = "JAX_NUM_CPU_DEVICES" in os.environ or "device_count" in os.environ.get("XLA_FLAGS", "")
    if told or str(ALL) not in config.mesh or jax.distributed.is_initialized():
        return
    if not build_model(config.model).core_each:
        return
    batch = config.global_batch_size
    count = next(n for n in range(min(cores(), batch), 0, -1) if batch % n == 0)
    jax.config.update("jax_num_cpu_devices", count)
