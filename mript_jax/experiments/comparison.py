"""Checkpoints and baselines on the same slices of the same tasks: `compare(config, checkpoints)`.

Each model sees what it would see in use: the nearest task that it was trained on, slices scaled
as in its training. Measured k-space, in the protocols `fastmri_official` and `measured`, it
reconstructs at its own size, as reconstruct.py does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

import mript_jax
from mript_jax.batch import OPTIONAL_FIELDS, Batch
from mript_jax.checkpoint import find_checkpoint, load_checkpoint_config, load_params
from mript_jax.commit import commit
from mript_jax.config import config_hash
from mript_jax.data.measured import first_volumes, measured_batches
from mript_jax.data.pipeline import evaluation_batches, open_split
from mript_jax.data.simulation import EVALUATION_NOISE
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.evaluation.baselines import (
    WEIGHTED,
    conjugate_symmetry,
    tune_weights,
    with_weights,
    zero_filled,
)
from mript_jax.evaluation.evaluate import BASELINE, Method, SliceResult, evaluate_tasks
from mript_jax.evaluation.protocols import Protocol, get_protocol
from mript_jax.evaluation.results import Results, make_results
from mript_jax.evaluation.unseen import check_unseen, split_to_evaluate
from mript_jax.inference.coil_maps import espirit_maps, filled_maps
from mript_jax.inference.provenance import hash_weights
from mript_jax.inference.reconstruction import Reconstruction
from mript_jax.models import build_model
from mript_jax.physics.tasks import Task, nearest_level, nearest_pattern, task_grid
from mript_jax.pretrained import PRETRAINED
from mript_jax.side_by_side import slice_by_slice

Batches = Callable[[str, Task, int], Iterator[tuple[Batch, list]]]  # of (split, task, most slices)

TUNING_SLICES = 8  # of each task, to choose the weights of compressed sensing
BASELINES = (*WEIGHTED, "conjugate_symmetry")  # beside zero-filling
BASELINE_FIELDS = ("kspace", "sensitivities")  # of simulated batches, whose coil is uniform


def compare(
    config: ConfigDict,
    checkpoints: Mapping[str, str],
    baselines: Sequence[str] = (),
    seed: int = 0,
    progress: Callable[[Task], None] = lambda task: None,
    pictures: int = 2,
    over: str = BASELINE,
    tuning_slices: int = TUNING_SLICES,
) -> tuple[Results, list[SliceResult]]:
    """Results and examples of the checkpoints (by name), zero-filling and other baselines.

    `config` says on what: its `data` and `evaluation`. `seed` is the masks', `pictures` how many
    examples of each task have pictures, beside as many of the worst, and of those furthest below
    the method `over`. The weights of compressed sensing are chosen for each task on
    `tuning_slices` other slices.
    """
    trained = {name: load_checkpoint_config(path) for name, path in checkpoints.items()}
    config = _whole_splits(config, trained)
    wanted = config.evaluation
    protocol = get_protocol(wanted.protocol)
    for name in baselines:
        if name not in BASELINES:
            raise unknown_name_error("baseline", name, BASELINES)
    about = {name: _provenance(path, config) for name, path in checkpoints.items()}
    fields = {f for of_one in trained.values() for f in build_model(of_one.model).batch_fields()}
    scans = _of_scans(config)
    if scans:
        make_batches = _measured_batches(config, fields | {"kspace"}, seed)
    elif wanted.protocol == "measured":  # nobody knows the maps of simulated coils
        fields = (fields | {"kspace"}) - {"sensitivities"}
        make_batches = _with_maps(_simulated_batches(config, fields, seed, "simulated"))
    else:
        fields |= set(baselines and BASELINE_FIELDS)
        make_batches = _simulated_batches(config, fields, seed, "image")
    tasks = task_grid(wanted.patterns, wanted.accelerations, wanted.center_fractions)
    load = _reconstruction if scans else _network
    methods = {name: load(trained[name], path) for name, path in checkpoints.items()}
    for name in baselines:
        if name in WEIGHTED:
            methods[name] = _tuned(
                name,
                make_batches,
                tasks,
                split="validation" if wanted.split == "train" else "train",
                slices=tuning_slices,
                protocol=protocol,
            )
    if wanted.protocol == "measured" or "conjugate_symmetry" in baselines:
        methods["conjugate_symmetry"] = conjugate_symmetry
    rows, examples = evaluate_tasks(
        methods | {BASELINE: zero_filled},
        lambda task: make_batches(wanted.split, task, wanted.max_slices),
        tasks,
        wanted.protocol,
        pictures=pictures,
        over=over,
        progress=progress,
    )
    first = next(iter(about.values()))
    tuned_on = {"tuning_slices": tuning_slices} if set(baselines) & WEIGHTED.keys() else {}
    results = make_results(
        " + ".join(checkpoints),
        _dataset(config, scans),
        wanted.protocol,
        split=wanted.split,
        rows=rows,
        seed=seed,
        config_hash=config_hash(config),
        version=mript_jax.__version__,
        commit=commit(),
        slices_in_split=len(open_split(config.data, wanted.split)[1]),
        **tuned_on,
        **(first if len(about) == 1 else {"checkpoint": first["checkpoint"], "methods": about}),
    )
    return results, examples


def _whole_splits(config: ConfigDict, trained: Mapping[str, ConfigDict]) -> ConfigDict:
    """The config, with the split "all" for a folder that the publisher held out as a whole."""
    data = [of_one.data for of_one in trained.values()]
    config = ConfigDict(config.copy_and_resolve_references()).unlock()
    config.evaluation.split = split_to_evaluate(data, config.data, config.evaluation.split)
    return config.lock()


def _dataset(config: ConfigDict, scans: bool) -> str:
    """The evaluation data as rows name it: the source, coils, artifacts and noise."""
    data = config.data
    added = [f"{name} {severity:g}" for name, severity in data.artifacts.items() if severity]
    noise = data.noise
    if config.evaluation.protocol == "measured" and not scans:
        coils = data.simulation.coils[0]
        added.append("1 coil" if coils == 1 else f"{coils} coils")
        noise = noise or EVALUATION_NOISE
    added += [f"noise {noise:g}"] if noise else []
    text = f"{data.source}:{data.path}".rstrip(":")
    return f"{text} with {', '.join(added)}" if added else text


def _provenance(path: str, config: ConfigDict) -> dict[str, Any]:
    """The provenance of a method; refuses its training data and that of its initial weights."""
    trained = load_checkpoint_config(path)
    unseen, start = [check_unseen(trained.data, config.data, config.evaluation.split)], trained
    found = find_checkpoint(path)
    checked = {found}
    while start.init_from:
        try:
            origin = find_checkpoint(start.init_from)
            if origin in checked:
                if start.init_from in PRETRAINED:
                    break  # each version goes on from the one before, which was trained alike
                raise UserError(f"{start.init_from!r} is now a later version of it")
            start = load_checkpoint_config(start.init_from)
        except UserError as error:
            unseen.append(f"what it started from was not checked: {error}")
            break
        checked.add(origin)
        unseen.append(check_unseen(start.data, config.data, config.evaluation.split))
    return {
        "checkpoint": str(found),
        "weights_sha256": hash_weights(path),
        "trained_with": config_hash(trained),
        "training_seed": trained.seed,
        # Of measured k-space nobody knows the reference's maximum.
        "scale": "zero_filled" if _of_scans(config) else trained.data.normalize_by,
        "unseen": "; ".join(dict.fromkeys(unseen)),
    }


def _of_scans(config: ConfigDict) -> bool:
    """Return True if scans' own k-space is undersampled, rather than that of their images."""
    if config.evaluation.protocol != "measured":
        return config.evaluation.protocol == "fastmri_official"
    source, indices = open_split(config.data, config.evaluation.split)
    return source[int(indices[0])].kspace is not None


def _simulated_batches(config: ConfigDict, fields: set[str], seed: int, of: str) -> Batches:
    """Batches of simulated k-space: "image", of magnitudes, or "simulated", of complex scans."""
    data = ConfigDict(config.data.copy_and_resolve_references()).unlock()
    data.undersampling = of

    def batches(split: str, task: Task, most: int) -> Iterator[tuple[Batch, list]]:
        size = _batch_size(config, most)
        return evaluation_batches(
            data, split, task, size, max_slices=most, seed=seed, fields=sorted(fields)
        )

    return batches


def _batch_size(config: ConfigDict, most: int) -> int:
    """That of the config, or as many slices as there are at most: the rest would be filled up."""
    size: int = config.evaluation.batch_size
    return min(size, most) if most else size


def _with_maps(make_batches: Batches) -> Batches:
    """Batches with ESPIRiT's maps, estimated once for all methods."""

    def batches(split: str, task: Task, most: int) -> Iterator[tuple[Batch, list]]:
        for batch, records in make_batches(split, task, most):
            maps = espirit_maps(batch["kspace"], batch["mask"])
            yield (batch if maps is None else {**batch, "sensitivities": maps}), records

    return batches


def _measured_batches(config: ConfigDict, fields: set[str], seed: int) -> Batches:
    """Batches of whole volumes with their k-space, whatever a checkpoint was trained on."""
    data, wanted = ConfigDict(config.data.copy_and_resolve_references()).unlock(), config.evaluation
    data.undersampling = "kspace"
    data.options.fastmri.update({"kspace": True, "skip_ends": 0})

    def batches(split: str, task: Task, most: int) -> Iterator[tuple[Batch, list]]:
        source, indices = open_split(data, split)
        if split == wanted.split:
            indices = first_volumes(source, indices, most)
        elif most < len(indices):  # to tune on
            indices = indices[np.linspace(0, len(indices) - 1, most).astype(int)]
        size = _batch_size(config, most)
        return measured_batches(
            source, indices.tolist(), task, size, seed=seed, fields=sorted(fields)
        )

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
        if "sensitivities" in batch:
            maps = batch["sensitivities"]
            scaled["sensitivities"] = filled_maps(maps, batch["kspace"], batch["mask"])
        image: Any = model.apply({"params": params}, {**batch, **scaled}, method="predict")
        return scale * image

    def method(batch: Batch, task: Task) -> jax.Array:
        index = {
            "pattern_index": nearest_pattern(task.pattern, config.data.patterns),
            "level_index": nearest_level(task.acceleration, config.data.accelerations),
        }
        own = {name: jnp.full_like(batch[name], value) for name, value in index.items()}
        fields = set(model.batch_fields())
        if model.takes_sensitivities() and batch["kspace"].shape[1] > 1:  # as in Reconstruction
            fields.add("sensitivities")
        unread = set(OPTIONAL_FIELDS) - fields  # they are for other methods
        batch = {name: value for name, value in batch.items() if name not in unread}
        image: jax.Array = slice_by_slice(lambda some: apply(params, some), {**batch, **own})
        return image

    return method


def _reconstruction(config: ConfigDict, path: str) -> Method:
    """A checkpoint as it reconstructs scans: any size, the mask that of k-space."""
    reconstruction = Reconstruction(config, load_params(path))

    def method(batch: Batch, task: Task) -> np.ndarray:
        kspace, masks = np.asarray(batch["kspace"]), np.asarray(batch["mask"])
        pattern = config.data.patterns[nearest_pattern(task.pattern, config.data.patterns)]
        found = reconstruction.estimate(kspace, masks, pattern, task.acceleration)
        return found.images[..., None]

    return method


def _tuned(
    name: str,
    make_batches: Batches,
    tasks: Sequence[Task],
    split: str,
    slices: int,
    protocol: Protocol,
) -> Method:
    """Compressed sensing with the weight that suits each task, chosen on so many slices."""

    def batches(task: Task) -> Iterator[Batch]:
        return (batch for batch, _ in make_batches(split, task, slices))

    weights = tune_weights(WEIGHTED[name], batches, tasks, scale=protocol.scale)
    return with_weights(WEIGHTED[name], weights)
