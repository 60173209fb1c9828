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

from mript_jax.batch import OPTIONAL_FIELDS, Batch
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
from mript_jax.physics.tasks import Task, nearest_level, nearest_pattern, task_grid

Batches = Callable[[str, Task, int], Iterator[tuple[Batch, list]]]  # of (split, task, most slices)

TUNING_SLICES = 8  # of each task, to choose the weights of compressed sensing
BASELINE_FIELDS = ("kspace", "sensitivities")  # of simulated batches, whose coil is uniform


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
    trained = {name: load_checkpoint_config(path) for name, path in checkpoints.items()}
    official = wanted.protocol == "fastmri_official"
    fields = {f for of_one in trained.values() for f in build_model(of_one.model).batch_fields()}
    if official:
        make_batches = _measured_batches(config, fields | {"kspace"}, seed)
    else:
        make_batches = _simulated_batches(config, fields | set(baselines and BASELINE_FIELDS), seed)
    tasks = task_grid(wanted.patterns, wanted.accelerations, wanted.center_fractions)
    load = _reconstruction if official else _network
    methods = {name: load(trained[name], path) for name, path in checkpoints.items()}
    methods |= {name: _tuned(name, make_batches, tasks, wanted.split) for name in baselines}
    rows, examples = evaluate_tasks(
        methods | {"zero_filled": zero_filled},
        lambda task: make_batches(wanted.split, task, wanted.max_slices),
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


def _simulated_batches(config: ConfigDict, fields: set[str], seed: int) -> Batches:
    """Batches whose k-space is simulated from images of `config.data.image_size`."""
    data = ConfigDict(config.data.copy_and_resolve_references()).unlock()
    data.undersampling = "image"

    def batches(split: str, task: Task, most: int) -> Iterator[tuple[Batch, list]]:
        size = config.evaluation.batch_size
        return evaluation_batches(data, split, task, size, most, seed, fields=sorted(fields))

    return batches


def _measured_batches(config: ConfigDict, fields: set[str], seed: int) -> Batches:
    """Batches of whole volumes with their k-space, whatever a checkpoint was trained on."""
    data, wanted = ConfigDict(config.data.copy_and_resolve_references()).unlock(), config.evaluation
    data.options.fastmri.update({"kspace": True, "skip_ends": 0})

    def batches(split: str, task: Task, most: int) -> Iterator[tuple[Batch, list]]:
        source, indices = open_split(data, split)
        if split == wanted.split:
            indices = first_volumes(source, indices, most)
        elif most < len(indices):  # to tune on
            indices = indices[np.linspace(0, len(indices) - 1, most).astype(int)]
        size = wanted.batch_size
        return measured_batches(source, indices.tolist(), task, size, seed, fields=sorted(fields))

    return batches


def _network(config: ConfigDict, path: str) -> Method:
    """The network of a checkpoint, on slices scaled as in its training."""
    model, params = build_model(config.model), load_params(path)
    by = config.data.normalize_by

    @jax.jit
    def apply(params: Any, batch: Batch) -> jax.Array:
        scale = jnp.max(batch[by], axis=(1, 2, 3), keepdims=True)
        scale = jnp.where(scale > 0, scale, 1.0)
        fields = ("zero_filled", "target", "kspace")
        scaled = {name: batch[name] / scale for name in fields if name in batch}
        if "noise_level" in batch:
            scaled["noise_level"] = batch["noise_level"] / scale[:, 0, 0, 0]
        image: Any = model.apply({"params": params}, {**batch, **scaled}, method="predict")
        return scale * image

    def method(batch: Batch, task: Task) -> jax.Array:
        index = {
            "pattern_index": nearest_pattern(task.pattern, config.data.patterns),
            "level_index": nearest_level(task.acceleration, config.data.accelerations),
        }
        own = {name: jnp.full_like(batch[name], value) for name, value in index.items()}
        unread = set(OPTIONAL_FIELDS) - set(model.batch_fields())  # they are for other methods
        batch = {name: value for name, value in batch.items() if name not in unread}
        return apply(params, {**batch, **own})

    return method


def _reconstruction(config: ConfigDict, path: str) -> Method:
    """A checkpoint as it reconstructs scans: any size, the mask that of k-space."""
    reconstruction = Reconstruction(config, load_params(path))

    def method(batch: Batch, task: Task) -> np.ndarray:
        kspace = np.asarray(batch["kspace"])
        mask = np.asarray(batch["mask"][0])  # all slices of a volume share it
        pattern = config.data.patterns[nearest_pattern(task.pattern, config.data.patterns)]
        return reconstruction.from_kspace(kspace, mask, pattern, task.acceleration)[..., None]

    return method


def _tuned(name: str, make_batches: Batches, tasks: Sequence[Task], split: str) -> Method:
    """Compressed sensing with the weight that suits each task, chosen on other slices."""
    where = "validation" if split == "train" else "train"

    def batches(task: Task) -> Iterator[Batch]:
        return (batch for batch, _ in make_batches(where, task, TUNING_SLICES))

    return with_weights(WEIGHTED[name], tune_weights(WEIGHTED[name], batches, tasks))
