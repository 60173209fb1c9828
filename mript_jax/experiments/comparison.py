"""Checkpoints and baselines on the same slices of the same tasks: `compare(config, checkpoints)`.

Each model sees what it would see in use: the nearest task that it was trained on, slices scaled
as in its training. In the protocol `fastmri_official` it reconstructs measured k-space at its own
size, as reconstruct.py does.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from mript_jax.checkpoint import find_checkpoint, load_checkpoint_config, load_params
from mript_jax.data.measured import first_volumes, measured_batches
from mript_jax.data.pipeline import evaluation_batches, open_split
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.evaluation.baselines import WEIGHTED, tune_weights, with_weights, zero_filled
from mript_jax.evaluation.evaluate import Method, SliceResult, evaluate_tasks
from mript_jax.evaluation.protocols import get_protocol
from mript_jax.evaluation.results import Results, make_results
from mript_jax.evaluation.unseen import check_unseen
from mript_jax.inference.reconstruction import Reconstruction
from mript_jax.models import build_model
from mript_jax.physics.crop import center_crop, crop_readout
from mript_jax.physics.tasks import Task, nearest_level, nearest_pattern, task_grid

Batches = Callable[[str, Task, int], Iterator[tuple[dict, list]]]  # of (split, task, most slices)
Grid = tuple[Sequence[str], Sequence[float]]  # patterns and accelerations that indices count

TUNING_SLICES = 8  # of each task, to choose the weights of compressed sensing


def compare(
    config: ConfigDict,
    checkpoints: Mapping[str, str],
    baselines: Sequence[str] = (),
    seed: int = 0,
    progress: Callable[[Task], None] = lambda task: None,
) -> tuple[Results, list[SliceResult]]:
    """Results and examples of the checkpoints (by name), zero-filling and other baselines.

    `config` says on what: its `data` and `evaluation`. `seed` is the masks'.
    """
    wanted = config.evaluation
    get_protocol(wanted.protocol)
    for name in baselines:
        if name not in WEIGHTED:
            raise unknown_name_error("baseline", name, WEIGHTED)
    about = {name: _provenance(path, config) for name, path in checkpoints.items()}
    make_batches, load = _ways(config, checkpoints, baselines, seed)
    grid = (tuple(wanted.patterns), tuple(wanted.accelerations))
    tasks = task_grid(*grid, wanted.center_fractions)

    methods, grids = {}, {}
    for name, path in checkpoints.items():
        trained = load_checkpoint_config(path)
        grids[name] = (trained.data.patterns, trained.data.accelerations)
        methods[name] = load(trained, path)
    for name in baselines:
        grids[name] = grid
        methods[name] = _tuned(name, make_batches, tasks, wanted.split)

    def batches(task: Task) -> Iterator[tuple[dict, list]]:
        for batch, records in make_batches(wanted.split, task, wanted.max_slices):
            yield batch | _indices(task, grids, len(batch["target"])), records

    rows, examples = evaluate_tasks(
        {name: _on_its_grid(name, method) for name, method in methods.items()}
        | {"zero_filled": zero_filled},
        batches,
        tasks,
        wanted.protocol,
        progress=progress,
    )
    first = next(iter(about.values()))
    results = make_results(
        " + ".join(checkpoints),
        _dataset(config.data),
        wanted.protocol,
        wanted.split,
        rows,
        seed=seed,
        config_hash=config_hash(config),
        **(first if len(about) == 1 else {"checkpoint": first["checkpoint"], "methods": about}),
    )
    return results, examples


def config_hash(config: ConfigDict) -> str:
    """A short name for everything that a config says."""
    text = json.dumps(json.loads(config.to_json_best_effort()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _dataset(data: ConfigDict) -> str:
    """What was evaluated on, as rows say it: the source, and how it was spoiled."""
    spoiled = {name: severity for name, severity in data.artifacts.items() if severity}
    spoiled |= {"noise": data.noise} if data.noise else {}
    added = ", ".join(f"{name} {severity:g}" for name, severity in spoiled.items())
    return f"{data.source}:{data.path}".rstrip(":") + (f" with {added}" if added else "")


def _provenance(path: str, config: ConfigDict) -> dict[str, Any]:
    """What made a method; refuses data that it, or what it started from, was trained on."""
    trained = load_checkpoint_config(path)
    unseen, start = [check_unseen(trained.data, config.data, config.evaluation.split)], trained
    while start.init_from:
        try:
            start = load_checkpoint_config(start.init_from)
        except UserError as error:
            unseen.append(f"what it started from was not checked: {error}")
            break
        unseen.append(check_unseen(start.data, config.data, config.evaluation.split))
    # In the protocol of measured data nobody knows a reference's maximum.
    official = config.evaluation.protocol == "fastmri_official"
    return {
        "checkpoint": str(find_checkpoint(path)),
        "trained_with": config_hash(trained),
        "training_seed": trained.seed,
        "scale": "zero_filled" if official else trained.data.normalize_by,
        "unseen": "; ".join(dict.fromkeys(unseen)),
    }


def _ways(
    config: ConfigDict, checkpoints: Mapping[str, str], baselines: Sequence[str], seed: int
) -> tuple[Batches, Callable[[ConfigDict, str], Method]]:
    """How batches are made and models applied in the config's protocol."""
    wanted = config.evaluation
    data = ConfigDict(config.data.copy_and_resolve_references()).unlock()
    if wanted.protocol == "fastmri_official":
        # Whatever a checkpoint was trained on, these are whole volumes with their k-space.
        data.options.fastmri.update({"kspace": True, "skip_ends": 0})

        def measured(split: str, task: Task, most: int) -> Iterator[tuple[dict, list]]:
            source, indices = open_split(data, split)
            if split == wanted.split:
                indices = first_volumes(source, indices, most)
            elif most < len(indices):  # to tune on
                indices = indices[np.linspace(0, len(indices) - 1, most).astype(int)]
            return measured_batches(
                source, indices, task, wanted.batch_size, seed, coil_kspace=bool(baselines)
            )

        return measured, _reconstruction

    fields = {
        name for path in checkpoints.values() for name in load_checkpoint_config(path).data.fields
    }
    data.undersampling = "image"
    data.fields = tuple(sorted(fields | ({"kspace"} if baselines else set())))

    def simulated(split: str, task: Task, most: int) -> Iterator[tuple[dict, list]]:
        return evaluation_batches(data, split, task, wanted.batch_size, most, seed)

    return simulated, _network


def _network(config: ConfigDict, path: str) -> Method:
    """The network of a checkpoint, on slices scaled as in its training."""
    model, params = build_model(config.model), load_params(path)
    by = config.data.normalize_by

    @jax.jit
    def apply(params: Any, batch: Mapping[str, jax.Array]) -> jax.Array:
        scale = jnp.max(batch[by], axis=(1, 2, 3), keepdims=True)
        scale = jnp.where(scale > 0, scale, 1.0)
        fields = ("zero_filled", "target", "kspace")
        scaled = {name: batch[name] / scale for name in fields if name in batch}
        return scale * model.apply({"params": params}, {**batch, **scaled}, method="predict")

    return lambda batch: apply(params, batch)


def _reconstruction(config: ConfigDict, path: str) -> Method:
    """A checkpoint as it reconstructs scans: any size, the mask that of k-space."""
    reconstruction = Reconstruction(config, load_params(path))

    def method(batch: Mapping[str, jax.Array]) -> jax.Array:
        scan = np.asarray(batch["scan"])  # [B, h, w]
        shape = batch["zero_filled"].shape[1:3]
        mask = crop_readout(np.asarray(batch["mask"][0]), shape)  # all slices of a volume share it
        pattern = config.data.patterns[int(batch["pattern_index"][0])]
        acceleration = float(batch["acceleration"][0])
        images = reconstruction.from_zero_filled(scan, mask, pattern, acceleration)
        return center_crop(images, shape)[..., None]

    return method


def _tuned(name: str, make_batches: Batches, tasks: Sequence[Task], split: str) -> Method:
    """Compressed sensing with the weight that suits each task, chosen on other slices."""
    where = "validation" if split == "train" else "train"

    def batches(task: Task) -> Iterator[dict]:
        return (batch for batch, _ in make_batches(where, task, TUNING_SLICES))

    return with_weights(WEIGHTED[name], tune_weights(WEIGHTED[name], batches, tasks))


def _indices(task: Task, grids: Mapping[str, Grid], count: int) -> dict[str, np.ndarray]:
    """The nearest of each method's own tasks, under keys that carry the method's name."""
    found = {}
    for name, (patterns, accelerations) in grids.items():
        found[f"pattern_index of {name}"] = nearest_pattern(task.pattern, patterns)
        found[f"level_index of {name}"] = nearest_level(task.acceleration, accelerations)
    return {key: np.full(count, value, np.int32) for key, value in found.items()}


def _on_its_grid(name: str, method: Method) -> Method:
    """The method with a batch whose indices are its own."""

    def predict(batch: Mapping[str, jax.Array]) -> jax.Array:
        own = {key: batch[f"{key} of {name}"] for key in ("pattern_index", "level_index")}
        rest = {key: value for key, value in batch.items() if " of " not in key}
        return method({**rest, **own})

    return predict
