"""Devices that are not there, to compile for: "v5e:2x4", "v5p:2x2x2", "h100:8".

JAX compiles for a described topology without a device of it. For TPUs the description comes with
libtpu; for NVIDIA GPUs it is written here, from NVIDIA's data sheets and the tables of compute
capabilities in the CUDA programming guide.
"""

import contextlib
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any
from unittest import mock

import jax
from jax.experimental import topologies

from mript_jax.errors import UserError, unknown_name_error

TPUS = ("v4", "v5e", "v5p", "v6e")
GPUS = {
    "a100": {
        "device_description_str": "NVIDIA A100-SXM4-80GB",
        "capability": (8, 0),
        "core_count": 108,
        "fpus_per_core": 64,
        "shared_memory_per_block_optin": 163 * 2**10,
        "shared_memory_per_core": 164 * 2**10,
        "l2_cache_size": 40 * 2**20,
        "clock_rate_ghz": 1.41,
        "memory_bandwidth": 2_039_000_000_000,
        "device_memory_size": 80 * 2**30,
    },
    "h100": {
        "device_description_str": "NVIDIA H100 80GB HBM3",
        "capability": (9, 0),
        "core_count": 132,
        "fpus_per_core": 128,
        "shared_memory_per_block_optin": 227 * 2**10,
        "shared_memory_per_core": 228 * 2**10,
        "l2_cache_size": 50 * 2**20,
        "clock_rate_ghz": 1.98,
        "memory_bandwidth": 3_350_000_000_000,
        "device_memory_size": 80 * 2**30,
    },
}
GPUS["h200"] = GPUS["h100"] | {
    "device_description_str": "NVIDIA H200",
    "memory_bandwidth": 4_800_000_000_000,
    "device_memory_size": 141 * 10**9,
}
SAME_FOR_ALL = {  # from compute capability 8 on
    "threads_per_warp": 32,
    "threads_per_block_limit": 1024,
    "threads_per_core_limit": 2048,
    "registers_per_core_limit": 65536,
    "registers_per_block_limit": 65536,
    "shared_memory_per_block": 48 * 2**10,
    "block_dim_limit_x": 2**31 - 1,
    "block_dim_limit_y": 65535,
    "block_dim_limit_z": 65535,
}
GPUS_OF_A_HOST = 8
CUDNN = 91000  # the version that programs are compiled for, as JAX writes 9.10.0
INSTALL = "pip install -e '.[topology]'"


def topology_devices(name: str) -> list[Any]:
    """The devices of a topology by its name, for a mesh to compile for."""
    kind, _, shape = name.partition(":")
    if kind not in (*TPUS, *GPUS):
        raise unknown_name_error("--topology", kind, (*TPUS, *GPUS))
    wanted = r"[1-9]\d*" if kind in GPUS else r"[1-9]\d*(x[1-9]\d*){1,2}"
    if not re.fullmatch(wanted, shape):
        example = f"{kind}:8" if kind in GPUS else f"{kind}:2x4"
        raise UserError(f"--topology={name!r} needs a shape, such as {example}")
    # The process itself computes nothing, and must not look for an accelerator.
    jax.config.update("jax_platforms", "cpu")
    jax.devices()
    try:
        described = _gpus(name, kind, int(shape)) if kind in GPUS else _tpus(name)
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--topology={name!r} is not one that exists: {reason}") from error
    return list(described.devices)


@contextlib.contextmanager
def admit_cudnn(capability: float) -> Iterator[None]:
    """A context in which JAX admits cuDNN's kernels for a GPU of this compute capability.

    Otherwise it looks at the GPUs and the cuDNN of the process.
    """
    from jax._src.cudnn import fused_attention_stablehlo as flash

    def at_least(least: str) -> bool:
        return capability >= float(least)

    def equal(other: str) -> bool:
        return capability == float(other)

    with (
        mock.patch.object(flash, "check_cudnn_version", lambda: CUDNN),
        mock.patch.object(flash, "check_compute_capability", at_least),
        mock.patch.object(flash, "is_cuda_compute_capability_equal", equal),
    ):
        yield


def _tpus(name: str) -> topologies.TopologyDescription:
    _require(name, "libtpu")
    os.environ["TPU_SKIP_MDS_QUERY"] = "1"  # no metadata server to ask
    os.environ["ALLOW_MULTIPLE_LIBTPU_LOAD"] = "1"  # its lock guards TPUs, and none is used
    return topologies.get_topology_desc(platform="tpu", topology_name=name)


def _gpus(name: str, kind: str, count: int) -> topologies.TopologyDescription:
    _require(name, "jax_plugins.xla_cuda12", "jax_plugins.xla_cuda13", install="jax-cuda12-plugin")
    if not shutil.which("ptxas"):
        _require(name, "nvidia.cuda_nvcc", "nvidia.cu13", install="nvidia-cuda-nvcc-cu12")
    if count > GPUS_OF_A_HOST and count % GPUS_OF_A_HOST:
        raise UserError(f"--topology={name!r}: {count} GPUs are no whole hosts of {GPUS_OF_A_HOST}")
    hosts = max(count // GPUS_OF_A_HOST, 1)
    return topologies.get_topology_desc(
        platform="cuda",
        topology_name="gpu",
        topology=f"1x{hosts}x{count // hosts}",
        target_config=_target_config(kind),
    )


def _require(name: str, *modules: str, install: str = "") -> None:
    """Refuse a topology if none of some equivalent modules is installed."""
    for module in modules:
        with contextlib.suppress(ModuleNotFoundError):
            if importlib.util.find_spec(module):
                return
    raise UserError(f"--topology={name} needs the package {install or modules[0]}: {INSTALL}")


def _target_config(kind: str) -> str:
    """XLA's description of a GPU, a GpuTargetConfigProto as text."""
    numbers: dict[str, Any] = SAME_FOR_ALL | GPUS[kind]
    major, minor = numbers.pop("capability")
    description = numbers.pop("device_description_str")
    lines = "\n".join(f"  {field}: {value}" for field, value in numbers.items())
    return f"""gpu_device_info {{
  cuda_compute_capability {{ major: {major} minor: {minor} }}
{lines}
}}
platform_name: "CUDA"
dnn_version_info {{ major: {CUDNN // 10000} minor: {CUDNN // 100 % 100} }}
runtime_version {{ major: 12 minor: 9 }}
device_description_str: "{description}"
"""
