"""Joining the processes of a run: Slurm, TPU pods and GKE are recognised, anything else is told."""

import os

import jax

from mript_jax.errors import UserError

SEVERAL_TASKS = ("SLURM_NTASKS", "SLURM_STEP_NUM_TASKS")


def initialise(coordinator: str = "", processes: int = 0, process: int = -1) -> None:
    """Starts JAX's distributed runtime where a run has several processes; else does nothing.

    Explicit arguments come first; without them Slurm and Cloud TPU are found by their environment.
    Call it before anything asks JAX for a device.
    """
    if coordinator:
        if processes < 1 or not 0 <= process < processes:
            raise UserError(
                f"--coordinator needs --processes (got {processes}) and --process from 0 to "
                f"{max(processes - 1, 0)} (got {process})"
            )
        jax.distributed.initialize(coordinator, processes, process)
    elif any(int(os.environ.get(name, "1")) > 1 for name in SEVERAL_TASKS) or _tpu_pod():
        jax.distributed.initialize()


def _tpu_pod() -> bool:
    """Whether this is one worker of several (Cloud TPU VMs and GKE name them all)."""
    return len(os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",")) > 1
