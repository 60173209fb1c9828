"""Joining the processes of a run: what the cluster's environment tells, or what is told."""

import os

import jax

from mript_jax.errors import UserError

SEVERAL = ("SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "MEGASCALE_NUM_SLICES")


def initialize(
    coordinator: str = "", processes: int = 0, process: int = -1, join: bool = False
) -> None:
    """Starts JAX's distributed runtime where a run has several processes; else does nothing.

    Explicit arguments come first. Without them JAX asks the cluster, where the environment tells
    of several processes (Slurm, GKE) or `join` says so: the VMs of a Cloud TPU have no such
    variables, JAX asks a metadata server there. Call it before anything asks JAX for a device.
    """
    if coordinator:
        if not 0 <= process < processes:
            raise UserError(
                f"--coordinator needs --processes (got {processes}) and --process from 0 to "
                f"{max(processes - 1, 0)} (got {process})"
            )
        jax.distributed.initialize(coordinator, processes, process)
    elif join or _several():
        try:
            jax.distributed.initialize()
        except ValueError as error:
            raise UserError(
                f"JAX finds no cluster to join here ({error}); start it with srun or a script of "
                "launch/, or give --coordinator, --processes and --process"
            ) from error


def _several() -> bool:
    """Whether the environment tells of more processes than this one."""
    hosts = os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",")
    return len(hosts) > 1 or any(int(os.environ.get(name, "1")) > 1 for name in SEVERAL)
