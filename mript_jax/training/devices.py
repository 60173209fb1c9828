"""Public figures of accelerators: peak arithmetic, memory, and links to other devices.

From the makers' data sheets: NVIDIA's of the V100, A100, L4, L40S, H100 (SXM), H200 and B200, and
Google Cloud's pages of the TPU versions (2026-11). Half precision is dense; links count one
direction, NVLink's half of its total and a TPU chip's links to all its neighbours.
"""

import dataclasses

import jax


@dataclasses.dataclass(frozen=True)
class Device:
    """One accelerator."""

    flops: float  # FLOP/s in half precision
    memory: float  # bytes
    bandwidth: float  # of its memory, bytes/s
    link: float  # to other devices, bytes/s


DEVICES = {  # part of `device_kind`
    "V100": Device(125e12, 32e9, bandwidth=0.9e12, link=150e9),
    "A100": Device(312e12, 80e9, bandwidth=2.04e12, link=300e9),
    "L4": Device(121e12, 24e9, bandwidth=0.3e12, link=32e9),
    "L40S": Device(362e12, 48e9, bandwidth=0.864e12, link=32e9),
    "H100": Device(989e12, 80e9, bandwidth=3.35e12, link=450e9),
    "H200": Device(989e12, 141e9, bandwidth=4.8e12, link=450e9),
    "B200": Device(2250e12, 180e9, bandwidth=8e12, link=900e9),
    "TPU v3": Device(123e12, 32e9, bandwidth=0.9e12, link=82e9),
    "TPU v4": Device(275e12, 32e9, bandwidth=1.2e12, link=300e9),
    "TPU v5 lite": Device(197e12, 16e9, bandwidth=0.82e12, link=200e9),
    "TPU v5p": Device(459e12, 95e9, bandwidth=2.765e12, link=600e9),
    "TPU v6": Device(918e12, 32e9, bandwidth=1.64e12, link=448e9),
}


def find_device(kind: str) -> Device | None:
    """The figures of a `device_kind`; None for an unknown one."""
    names = [name for name in DEVICES if name in kind]
    return DEVICES[max(names, key=len)] if names else None


def memory_limit(device: jax.Device) -> int | None:
    """The bytes of a device that JAX may take; None of a CPU, which does not tell."""
    return (device.memory_stats() or {}).get("bytes_limit")


def peak_flops() -> float | None:
    """Peak FLOP/s of all devices together; None for an unknown kind."""
    device = find_device(jax.devices()[0].device_kind)
    return device.flops * jax.device_count() if device else None
