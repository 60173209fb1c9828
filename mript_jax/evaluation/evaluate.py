"""Methods on tasks: `evaluate_tasks(methods, make_batches, tasks) -> (rows, examples)`.

A method is a function from a batch and its task to images [B, H, W, 1], of which the center is
compared with the target; nothing here knows of checkpoints, models or training. A row is one method
on one task; an example is one slice in one task, with the values of every method and, for some, the
pictures.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from mript_jax.batch import Batch
from mript_jax.errors import UserError
from mript_jax.evaluation.metrics import frequency_error, hfen, nmse, psnr, sharpness, ssim
from mript_jax.evaluation.protocols import Protocol, get_protocol
from mript_jax.evaluation.summary import summarize
from mript_jax.physics.crop import center_crop
from mript_jax.physics.tasks import Task

Method = Callable[[Batch, Task], jax.Array | np.ndarray]  # -> [B, H, W, 1]

BASELINE = "zero_filled"
EMPTY = 1e-12  # a slice whose data range is below holds nothing to compare


@dataclasses.dataclass(frozen=True)
class SliceResult:
    """One slice in one task."""

    task: Task
    true_acceleration: float  # of the mask that was used
    volume: str
    slice_index: int
    values: dict[str, dict[str, Any]]  # method -> metric -> number, or array over frequency
    pictures: dict[str, np.ndarray] | None = None
    """[H, W] in units of the data range: "reference", "mask", and one of each method's name."""


def gain(example: SliceResult, method: str, over: str = BASELINE) -> float:
    """The dB of PSNR that a method lies above another one in a slice; 0 without that one."""
    values = example.values
    return float(values[method]["psnr"] - values.get(over, values[method])["psnr"])


def evaluate_tasks(
    methods: Mapping[str, Method],
    make_batches: Callable[[Task], Iterable[Any]],
    tasks: Iterable[Task],
    protocol: str = "mript_paper",
    pictures: int = 2,
    over: str = BASELINE,
    devices: Sequence[jax.Device] | None = None,
    progress: Callable[[Task], None] = lambda task: None,
) -> tuple[list[dict[str, Any]], list[SliceResult]]:
    """Runs every method on every task.

    `make_batches(task)` yields batches, or pairs of a batch and its records (for the names of
    the volumes). Examples of weight 0 are not counted, all others exactly once. Batches are
    spread over the devices (default: `evaluating_devices`). For each task the pictures of the
    first slices of the first `pictures` volumes are kept, of as many of the worst slices (lowest
    PSNR of the first method), and of as many of those where it is furthest below the method
    `over`; and of all tasks that of the slice nearest to the median PSNR, whose batch is made once
    more.
    `progress` is told each task when it begins.
    """
    rules = get_protocol(protocol)
    devices = evaluating_devices() if devices is None else devices
    rows, examples = [], []
    main = next(iter(methods))
    places: list[tuple[int, int]] = []  # (batch of the task, number in it) of each example

    def examples_of(
        task: Task, batches: Iterable[Any], count: int = 0
    ) -> Iterator[list[SliceResult]]:
        for batch, records in _measured(methods, task, batches, rules=rules, devices=devices):
            found = _examples(batch, records, task, count)
            count += len(found)
            yield found

    for task in tasks:
        progress(task)
        of_task: list[SliceResult] = []
        for number, found in enumerate(examples_of(task, make_batches(task))):
            places += [(number, i) for i in range(len(found))]
            of_task = _keep_pictures(of_task + found, main, over, pictures)
        if not of_task:
            raise UserError(f"no example to evaluate for {task.pattern} x{task.acceleration:g}")
        rows += [summarize(of_task, name, rules) for name in methods]
        examples += of_task
    if not (pictures and examples):
        return rows, examples
    middle = _median_example(examples, main)
    if examples[middle].pictures is None:
        task, (number, i) = examples[middle].task, places[middle]
        (found,) = examples_of(task, itertools.islice(make_batches(task), number, number + 1))
        examples[middle] = dataclasses.replace(examples[middle], pictures=found[i].pictures)
    return rows, examples


def evaluating_devices() -> list[jax.Device]:
    """All devices of this process; of a CPU the first, whose cores have a slice each.

    XLA ends a process in which a CPU device waits 40 s for another one, as it does with large
    batches on busy cores.
    """
    devices: list[jax.Device] = jax.local_devices()
    return devices[:1] if devices[0].platform == "cpu" else devices


def _median_example(examples: Sequence[SliceResult], method: str) -> int:
    """The number of the example whose PSNR is nearest to the median."""
    psnrs = np.array([example.values[method]["psnr"] for example in examples])
    return int(np.argmin(np.abs(psnrs - np.median(psnrs))))


def _measured(
    methods: Mapping[str, Method],
    task: Task,
    batches: Iterable[Any],
    rules: Protocol,
    devices: Sequence[jax.Device],
) -> Iterator[tuple[dict[str, Any], Sequence[Any] | None]]:
    """Each batch on the host, with "estimates" and "values" of the methods.

    One batch behind: the devices work on the next one while this one is taken over.
    """
    waiting = None
    for item in batches:
        batch, records = (item, None) if isinstance(item, Mapping) else item
        arrays = _spread(batch, devices)
        data_range = rules.data_range(arrays)
        target = arrays["target"][..., 0]  # [B, h, w]
        estimates = {}
        for name, method in methods.items():
            estimate = jnp.asarray(method(arrays, task))
            assert estimate.shape == arrays["zero_filled"].shape, (
                f"method {name!r} gave {estimate.shape} for {arrays['zero_filled'].shape}"
            )
            estimate = center_crop(estimate[..., 0], (target.shape[1], target.shape[2]))
            estimates[name] = rules.scale(target, estimate) if rules.scale else estimate
        values = {
            name: _measure(target, estimate, data_range) for name, estimate in estimates.items()
        }
        done, waiting = waiting, (arrays, data_range, estimates, values, records)
        if done:
            yield _fetch(*done)
    if waiting:
        yield _fetch(*waiting)


def _spread(batch: Batch, devices: Sequence[jax.Device]) -> dict[str, jax.Array]:
    """The batch over the devices, filled up with copies of weight 0 to a multiple of them."""
    missing = -len(batch["target"]) % len(devices)
    batch = {key: np.asarray(value) for key, value in batch.items()}
    batch.setdefault("weight", np.ones(len(batch["target"]), np.float32))
    if missing:
        batch = {
            key: np.concatenate([value, np.repeat(value[-1:], missing, axis=0)])
            for key, value in batch.items()
        }
        batch["weight"][-missing:] = 0.0
    mesh = Mesh(np.asarray(devices), ("data",))
    return jax.device_put(batch, NamedSharding(mesh, P("data")))


@jax.jit
def _measure(
    reference: jax.Array, estimate: jax.Array, data_range: jax.Array
) -> dict[str, jax.Array]:
    """Every metric of a batch."""
    in_range = jnp.maximum(data_range, EMPTY)[:, None, None]
    x, y = reference / in_range, estimate / in_range
    return {name: metric(x, y) for name, metric in MEASURES.items()}


def _mean_squared_error(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean(jnp.square(x - y), axis=(1, 2))


def _power(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean(jnp.square(x), axis=(1, 2))


MEASURES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "psnr": psnr,
    "ssim": ssim,
    "nmse": nmse,
    "hfen": hfen,
    "sharpness": sharpness,
    "frequency_error": frequency_error,  # [B, BANDS], the others [B]
    "mse": _mean_squared_error,  # these two are what a volume's PSNR and NMSE are made of
    "power": _power,
}


def _fetch(
    arrays: dict[str, jax.Array],
    data_range: jax.Array,
    estimates: dict[str, jax.Array],
    values: dict[str, dict[str, jax.Array]],
    records: Sequence[Any] | None,
) -> tuple[dict[str, Any], Sequence[Any] | None]:
    fields = ("target", "mask", "weight")
    batch: dict[str, Any] = {key: arrays[key] for key in fields}
    batch |= {"data_range": data_range, "estimates": estimates, "values": values}
    return jax.device_get(batch), records


def _examples(
    batch: dict[str, Any], records: Sequence[Any] | None, task: Task, start: int
) -> list[SliceResult]:
    """The examples of a batch that count, all with pictures."""
    examples: list[SliceResult] = []
    for i in np.flatnonzero((batch["weight"] > 0) & (batch["data_range"] > EMPTY)).tolist():
        volume = records[i].volume if records is not None else f"example {start + len(examples)}"
        index = int(records[i].slice_index) if records is not None else 0
        values = {
            method: {metric: np.float64(array[i]) for metric, array in of_method.items()}
            for method, of_method in batch["values"].items()
        }
        for method, of_method in values.items():
            if not all(np.isfinite(value).all() for value in of_method.values()):
                raise UserError(
                    f"{method} gave values that are not finite for slice {index} of {volume} "
                    f"({task.pattern} x{task.acceleration:g})"
                )
        mask = batch["mask"][i]
        true_acceleration = float(mask.size / max(mask.sum(), 1))
        scale = batch["data_range"][i]
        pictures = {"reference": batch["target"][i, ..., 0] / scale, "mask": mask}
        pictures |= {name: image[i] / scale for name, image in batch["estimates"].items()}
        examples.append(
            SliceResult(
                task,
                true_acceleration,
                volume=volume,
                slice_index=index,
                values=values,
                pictures=pictures,
            )
        )
    return examples


def _keep_pictures(
    examples: list[SliceResult], method: str, over: str, count: int
) -> list[SliceResult]:
    """Drops all pictures but those of the first slices of the first volumes, and the worst ones."""
    first: dict[str, int] = {}
    for i, example in enumerate(examples):
        first.setdefault(example.volume, i)
    worst = sorted(range(len(examples)), key=lambda i: examples[i].values[method]["psnr"])
    gains = {i: gain(example, method, over) for i, example in enumerate(examples)}
    harmed = sorted((i for i in gains if gains[i] < 0), key=gains.__getitem__)
    kept = {*list(first.values())[:count], *worst[:count], *harmed[:count]}
    return [
        example
        if i in kept or example.pictures is None
        else dataclasses.replace(example, pictures=None)
        for i, example in enumerate(examples)
    ]
