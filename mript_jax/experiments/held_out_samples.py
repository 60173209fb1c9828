"""Checkpoints compared without references: by their errors at samples that they were not given."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from mript_jax.batch import stack
from mript_jax.checkpoint import load_params
from mript_jax.data.pipeline import example_maker, open_split
from mript_jax.data.records import Record
from mript_jax.data.transforms import volume_seed
from mript_jax.evaluation.report import write_held_out_page
from mript_jax.evaluation.report.held_out_page import HeldOutSlice, typical_and_worst
from mript_jax.inference.methods import network_method
from mript_jax.inference.pipeline import reconstruct_volume
from mript_jax.inference.reconstruction import load
from mript_jax.models import build_model
from mript_jax.physics.tasks import make_task
from mript_jax.training.losses import build_loss


def compare_without_references(
    config: ConfigDict, checkpoints: Mapping[str, str], folder: Path, most: int
) -> list[HeldOutSlice]:
    """The errors of two checkpoints on slices of the test split, `most` of them at most.

    A page with pictures is written into the folder, and the mean errors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source, indices = open_split(config.data, "test")
    indices = indices[np.linspace(0, len(indices) - 1, min(len(indices), most)).astype(int)]
    records = [source[int(i)] for i in indices]
    errors = {name: _errors(config, path, records) for name, path in checkpoints.items()}
    slices = [
        HeldOutSlice(record.volume, record.slice_index, {name: errors[name][i] for name in errors})
        for i, record in enumerate(records)
    ]
    pictures = {i: _pictures(checkpoints, records[i]) for i in typical_and_worst(slices)}
    title = f"Fine-tuning without references: {Path(config.data.path).name}"
    write_held_out_page(folder / "report.html", title, slices, pictures)
    means = {name: float(np.mean(of_one)) for name, of_one in errors.items()}
    (folder / "held_out_samples.json").write_text(json.dumps(means, indent=1) + "\n")
    return slices


def _pictures(checkpoints: Mapping[str, str], record: Record) -> dict[str, np.ndarray]:
    """The zero-filled image [H, W] of a slice and those of the checkpoints."""
    methods = {name: network_method(load(path)) for name, path in checkpoints.items()}
    result = reconstruct_volume(methods, [record], None)
    volumes = zip(methods, result.by_method(), strict=True)
    images = {name: volume.reconstruction[0] for name, volume in volumes}
    return {"zero_filled": result.zero_filled[0], **images}


def _errors(config: ConfigDict, checkpoint: str, records: Sequence[Record]) -> list[float]:
    """The self-supervised loss of each slice, over one split of its samples."""
    model, loss = build_model(config.model), build_loss(config.loss)
    fields = tuple(dict.fromkeys((*model.batch_fields(), *loss.batch_fields)))
    maker = example_maker(config.data, fields, config.data.coils)
    params = load_params(checkpoint)

    @jax.jit
    def of_batch(params: Any, batch: Mapping[str, Any]) -> jax.Array:
        return loss(lambda method: model.apply({"params": params}, batch, method=method), batch)

    task = make_task(config.data.patterns[0], config.data.accelerations[0])
    return [
        float(of_batch(params, stack([maker(record, task, volume_seed(record.volume))]))[0])
        for record in records
    ]
