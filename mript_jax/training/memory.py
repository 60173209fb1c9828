"""Memory of a training step and of the devices: what cannot fit is refused before it begins."""

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from mript_jax.errors import UserError
from mript_jax.training.devices import memory_limit
from mript_jax.training.setup import Setup

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
SMALLER = (
    "a smaller config.optimizer.micro_batch_size, config.model.remat where the model has it, or a "
    "preset where the config has some (--config=NAME:16gb) needs less, and --estimate says how much"
)


def device_memory() -> int:
    """The bytes that each device of this process may use; CPU devices share the host's memory."""
    return memory_limit(jax.local_devices()[0]) or host_memory() // jax.local_device_count()


def host_memory() -> int:
    """The bytes of the host's memory, or of the part that this container may use."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in map(Path, CGROUP_LIMITS):
        with contextlib.suppress(OSError, ValueError):  # "max" for none
            limits.append(int(path.read_text()))
    return min(limits)


def refuse_without_memory_for_state(setup: Setup) -> None:
    """Raise a UserError if a device surely cannot hold the state and a gradient."""
    state = sum(map(_bytes_of_device, jax.tree.leaves(setup.abstract_state)))
    gradient = sum(map(_bytes_of_device, jax.tree.leaves(setup.abstract_state.params)))
    what = "weights, their gradient and the optimizer's state take"
    _refuse(what, state + gradient, device_memory())


def refuse_without_memory_for_step(setup: Setup) -> None:
    """Compile the step, and raise a UserError if a device surely lacks what it needs."""
    memory = setup.step.lower(*setup.step_arguments).compile().memory_analysis()
    if memory is not None:
        needed = memory.argument_size_in_bytes + memory.temp_size_in_bytes
        _refuse("a training step takes", needed, device_memory())


@contextlib.contextmanager
def named_exhaustion() -> Iterator[None]:
    """Say in one line that a device's memory ran out."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        reason = str(error).splitlines()[0].removeprefix("RESOURCE_EXHAUSTED:").strip()
        raise UserError(f"a device's memory ran out ({reason}); {SMALLER}") from error


def _refuse(what: str, needed: int, here: int) -> None:
    if needed > here:
        gib = 2**30
        raise UserError(
            f"{what} {needed / gib:.3g} GiB on each device, which has {here / gib:.3g}; {SMALLER}"
        )


def _bytes_of_device(leaf: Any) -> int:
    return leaf.dtype.itemsize * math.prod(leaf.sharding.shard_shape(leaf.shape))
