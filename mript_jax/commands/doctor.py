"""Says what works here: versions, devices, memory, extras.

Exit status 1 if something that is needed is broken.

mript doctor
"""

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile

from mript_jax import cli

NEEDED = (
    *("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "array-record", "h5py"),
    *("numpy", "scipy", "ml-collections", "pillow", "flatbuffers", "tensorboardX", "rich"),
    *("safetensors", "threadpoolctl"),
)
EXTRAS = {  # package: what it is for, and how to get it
    "torch": ("reading and writing .pt checkpoints", "convert"),
    "nibabel": ("NIfTI files", "nifti"),
    "pydicom": ("DICOM files", "dicom"),
    "pytest": ("the tests", "test"),
}


def run(program: str) -> None:
    cli.run(main, cli.no_flags, __doc__, program)


def main() -> None:
    broken = _packages() + _devices() + _training_works()
    if broken:
        print("\nbroken: " + "; ".join(broken))
        sys.exit(1)
    print("\nall that is needed works")


def _packages() -> list[str]:
    print(f"python {platform.python_version()} on {platform.platform()}")
    broken = [] if sys.version_info >= (3, 11) else ["Python 3.11 or newer is needed"]
    for name in NEEDED:
        version = _version(name)
        print(f"  {name:20} {version or 'missing'}")
        if version is None:
            broken.append(f"{name} is missing: pip install -e .")
    print("extras")
    for name, (purpose, extra) in EXTRAS.items():
        print(f"  {name:20} {_version(name) or f'for {purpose}: pip install -e .[{extra}]'}")
    return broken


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> list[str]:
    import jax

    from mript_jax.training.devices import memory_limit

    try:
        devices = jax.devices()
    except RuntimeError as error:
        return [f"jax finds no device: {' '.join(str(error).split())}"]
    print("devices")
    for device in devices:
        memory = memory_limit(device)
        size = f", {memory / 2**30:.1f} GiB" if memory else ""
        print(f"  {device.id}: {device.device_kind} ({device.platform}{size})")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    print(f"host: {os.cpu_count()} cores, {pages / 2**30:.1f} GiB of memory, ", end="")
    print(f"{shutil.disk_usage('.').free / 2**30:.1f} GiB of disk free here")
    if shutil.which("nvidia-smi") and devices[0].platform == "cpu":
        return ["there is an NVIDIA GPU but jax does not see it: pip install -e .[cuda12]"]
    return []


def _training_works() -> list[str]:
    """One gradient, one checkpoint written and read back: what every run needs."""
    import jax
    import numpy as np
    from ml_collections import ConfigDict

    from mript_jax.checkpoint import load_params, save_params

    gradient = jax.jit(jax.grad(lambda x: (x**2).sum()))(np.ones(4, np.float32))
    if not np.allclose(gradient, 2.0):
        return ["jax computes a wrong gradient on this device"]
    with tempfile.TemporaryDirectory() as folder:
        save_params(folder, {"w": np.asarray(gradient)}, ConfigDict())
        if not np.array_equal(load_params(folder)["w"], gradient):
            return ["a checkpoint does not come back as it was saved"]
    return []
