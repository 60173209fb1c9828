"""Initialization of JAX's distributed runtime for runs of several processes."""

import os

import jax

from mript_jax.errors import UserError

SEVERAL = ("SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "MEGASCALE_NUM_SLICES")


def initialize(
    coordinator: str = "", processes: int = 0, process: int = -1, join: bool = False
) -> None:
    """Initialize JAX's distributed runtime if the run has several processes.

    Explicit arguments have priority. Without them JAX detects the cluster if the environment has
    variables of several processes (Slurm, GKE), or if `join` is True: VMs of a Cloud TPU have no
    such variables, and JAX uses a metadata server there. Call it before any use of a device.
    """
    if coordinator:
        if not 0 <= process < processes:
            raise UserError(
                f"--coordinator needs --processes (got {processes}) and --process from 0 to "
                f"{max(processes - 1, 0)} (got {process})"
            )
        jax.distributed.initialize(coordinator, processes, process)
    elif join or _has_several_processes():
        try:
            jax.distributed.initialize()
        except ValueError as error:
            raise UserError(
                f"JAX finds no cluster to join here ({error}); start it with srun or a script of "
                "launch/, or give --coordinator, --processes and --process"
            ) from error


def _has_several_processes() -> bool:
    """True if environment variables of a cluster give more than one process."""
    hosts = os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",")
    return len(hosts) > 1 or any(int(os.environ.get(name, "1")) > 1 for name in SEVERAL)
