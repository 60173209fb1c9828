"""The devices that a program is traced for, by which models choose between equivalent forms.

A program can be compiled for devices that its process does not have: for another platform
(`mript export`), or for a cluster (`--topology`). So the models look here instead of at the
process's devices. Each function that is compiled names its target by `traced_for`; without one it
is the process's devices.
"""

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import jax


@dataclasses.dataclass(frozen=True)
class Target:
    """A kind of device and how many of them share a batch."""

    platform: str  # cpu, gpu or tpu
    devices: int
    compute_capability: float = 0.0  # of an NVIDIA GPU; 0: of another device, or unknown


_traced_for: Any = jax.make_user_context(None)  # part of the key of JAX's compilation caches


def traced_for(target: Target) -> contextlib.AbstractContextManager:
    """A context in which functions are traced for `target`."""
    context: contextlib.AbstractContextManager = _traced_for(target)
    return context


def current_target() -> Target:
    """The target of the innermost `traced_for`; outside of it, the process's devices."""
    return _traced_for.value or target_of(jax.devices())


def target_of(devices: Sequence[Any]) -> Target:
    """The target that these devices are, all of one kind."""
    first = devices[0]
    try:
        capability = float(getattr(first, "compute_capability", ""))
    except ValueError:  # a GPU of another maker: "gfx942"
        capability = 0.0
    return Target(first.platform, len(devices), capability)
