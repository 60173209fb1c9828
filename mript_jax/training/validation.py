"""Validation during training: PSNR of a few tasks on the validation split."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from ml_collections import ConfigDict

from mript_jax.checkpoint import Checkpoints, find_checkpoint, read_data
from mript_jax.data.pipeline import evaluation_batches, open_split
from mript_jax.errors import UserError
from mript_jax.evaluation.metrics import psnr
from mript_jax.lora import merge_adapters
from mript_jax.physics.tasks import task_grid
from mript_jax.training.setup import Setup

log = logging.getLogger(__name__)

SLICES = 16  # of the validation split, in each task
FOLDER = "best"  # of a run's folder: the checkpoint with the highest PSNR so far


def build_validation(config: ConfigDict, workdir: Path, setup: Setup) -> "Validation | None":
    """The validation of a run; None if it has none, or no slices for it."""
    if not config.evaluate_every_steps:
        return None
    if config.evaluate_every_steps > config.total_steps:
        log.warning(
            "no validation during training: config.evaluate_every_steps=%d is more than "
            "config.total_steps=%d",
            config.evaluate_every_steps,
            config.total_steps,
        )
        return None
    if config.data.undersampling == "split":
        return None  # without a reference there is nothing to measure
    try:
        open_split(config.data, "validation")
    except UserError as error:
        log.warning("no validation during training: %s", error)
        return None
    return Validation(config, workdir, setup)


class Validation:
    """PSNR of each pattern at the middle acceleration; the best weights are saved in `best`."""

    def __init__(self, config: ConfigDict, workdir: Path, setup: Setup):
        self._config, self._folder = config, workdir / FOLDER
        self._fields = setup.model.batch_fields()
        data = config.data
        middle = len(data.accelerations) // 2
        self._tasks = task_grid(
            data.patterns,
            data.accelerations[middle : middle + 1],
            data.center_fractions[middle : middle + 1],
            trained_patterns=data.patterns,
            trained_accelerations=data.accelerations,
        )
        self._predict = jax.jit(
            lambda params, batch: setup.model.apply(
                {"params": merge_adapters(params)}, batch, method="predict"
            ),
            out_shardings=NamedSharding(setup.mesh, P()),
        )
        try:
            self._best = read_data(find_checkpoint(self._folder))["psnr"]
        except UserError:  # none yet, or the run was killed while it saved the first
            self._best = -np.inf

    def __call__(self, step: int, params: Any) -> tuple[dict[str, float], np.ndarray]:
        """Mean PSNR of each task and over all, and a picture: zero-filled, estimate, target."""
        values, rows = {}, []
        for task in self._tasks:
            found = []
            for batch, records in evaluation_batches(
                self._config.data,
                "validation",
                task,
                SLICES,
                max_slices=SLICES,
                fields=self._fields,
            ):
                estimate = np.asarray(self._predict(params, batch))[..., 0]
                target = batch["target"][..., 0]
                maximum = np.maximum(target.max(axis=(1, 2)), 1e-6)
                found += psnr(target, estimate, data_range=maximum)[: len(records)].tolist()
                if len(found) == len(records):
                    row = [batch["zero_filled"][0, ..., 0], estimate[0], target[0]]
                    rows.append(np.concatenate(row, axis=1) / maximum[0])
            values[f"psnr_{task.pattern}_{task.acceleration:g}x"] = float(np.mean(found))
        values = {"psnr": float(np.mean(list(values.values()))), **values}
        self._keep_best(step, params, values)
        return values, np.clip(np.concatenate(rows), 0, 1)

    def _keep_best(self, step: int, params: Any, values: Mapping[str, float]) -> None:
        if values["psnr"] <= self._best:
            return
        self._best = values["psnr"]
        checkpoints = Checkpoints(self._folder, keep=1)
        checkpoints.save(step, {"params": params}, {"psnr": self._best}, self._config)
        checkpoints.close()
