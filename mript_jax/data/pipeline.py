"""The stream of training batches, and the batches of an evaluation.

Element k of the training stream is a pure function of (seed, k): the k-th entry of the shuffled,
endlessly repeated source, with a task and a mask drawn from a generator of its own. Batch n holds
the elements n * B ... (n + 1) * B - 1, of which each process makes its own consecutive part. So
the position in the data is one number, the same for any count of workers and processes. One
example, with its mask and its scale, is made by transforms.py or, of complex scans, scans.py.
"""

import copy
import dataclasses
import functools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

import grain
import numpy as np
from ml_collections import ConfigDict

from mript_jax.batch import Batch, check_fields, empty_example, stack
from mript_jax.data.memory import keep_freed_memory
from mript_jax.data.random_tasks import BatchExample, RandomTask
from mript_jax.data.readers import open_source
from mript_jax.data.readers.base import Source
from mript_jax.data.records import NO_REFERENCE, BlankRecord, BrokenRecord, Record
from mript_jax.data.scans import ScanMaker
from mript_jax.data.simulation import EVALUATION_NOISE, Scan, simulate
from mript_jax.data.splits import SPLITS, describe_splits, few_shot, select_split, split_elements
from mript_jax.data.threads import use_one_blas_thread
from mript_jax.data.transforms import ExampleMaker, volume_seed
from mript_jax.data.workers import WorkerBatches
from mript_jax.errors import UserError
from mript_jax.physics.tasks import Task, task_grid
from mript_jax.sizes import height_width

log = logging.getLogger(__name__)

READ_AHEAD = 4  # batches that are prepared while the accelerator works
EPOCHS = 10**9  # of the training stream: endless, yet its length in batches of 1 is a number


class Selection:
    """Some elements of a source; a broken one comes back as its error.

    So does one without a reference, unless training does without (`references=False`).
    """

    def __init__(self, source: Source, indices: np.ndarray, references: bool = True):
        self._source = source
        self._indices = indices
        self._references = references

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, position: int) -> Record | BrokenRecord:
        try:
            record = self._source[int(self._indices[position])]
        except BrokenRecord as error:
            return error
        if record.image is None and self._references:
            return BrokenRecord(record.volume, NO_REFERENCE)
        return record


class Pipeline:
    """An endless iterator of batches whose position can be saved and restored.

    `drawn` are the records with the task that each got; `make` makes their examples, batch by
    batch, of which this process makes its part. `broken` holds why each file was left out; more
    than `max_broken` are a UserError.
    """

    def __init__(
        self,
        drawn: grain.MapDataset,
        make: BatchExample,
        records: grain.MapDataset,
        batch_size: int,
        *,
        process_index: int = 0,
        process_count: int = 1,
        workers: int = 0,
        max_broken: int = 0,
    ):
        if batch_size % process_count:
            raise UserError(
                f"global_batch_size={batch_size} cannot be shared by {process_count} processes"
            )
        self._drawn = drawn
        self._make = make
        self._records = records
        self._batch_size = batch_size
        self._part = batch_size // process_count
        self._mine = slice(process_index, None, process_count)
        self._workers = workers
        self._max_broken = max_broken
        self.shapes = len({_shapes(maker) for maker in make.makers})  # different ones of batches
        self.broken: dict[str, str] = {}
        self._start = 0  # the example that the first batch begins with
        self._taken = 0  # batches since
        self._iterator: Iterator[Batch] | None = None

    def __iter__(self) -> "Pipeline":
        return self

    def __next__(self) -> Batch:
        if self._iterator is None:
            self._iterator = self._open()
        batch = next(self._iterator)
        if not batch["weight"].all():
            self._note_broken(self._batch_of_records(self._taken))
        self._taken += 1
        return batch

    def get_state(self) -> dict[str, int]:
        """The position, which does not depend on the size of batches."""
        return {"next_example": self._start + self._taken * self._batch_size}

    def set_state(self, state: Mapping[str, int]) -> None:
        self._start, self._taken, self._iterator = int(state["next_example"]), 0, None

    def last_names(self, which: int = -1) -> list[str]:
        """Volume and slice of each example of a batch, by default that taken last."""
        return [
            r.path if isinstance(r, BrokenRecord) else f"{r.volume}, slice {r.slice_index}"
            for r in self._batch_of_records(self._taken + which)
        ]

    def _batch_of_records(self, number: int) -> Sequence[Record | BrokenRecord]:
        return self._records[self._start :].batch(self._part, batch_fn=list)[self._mine][number]

    def _note_broken(self, records: Sequence[Record | BrokenRecord]) -> None:
        """Counts what is wrong with the files; that a slice is blank is not."""
        for record in records:
            if isinstance(record, BrokenRecord) and not isinstance(record, BlankRecord):
                self.broken[record.path] = record.why
        if len(self.broken) > self._max_broken:
            raise UserError(
                f"{len(self.broken)} slices cannot be used, more than "
                f"config.data.max_broken={self._max_broken}: "
                + "; ".join(f"{path}: {why}" for path, why in sorted(self.broken.items()))
            )

    def _open(self) -> Iterator[Batch]:
        keep_freed_memory()
        use_one_blas_thread()
        make = dataclasses.replace(self._make, start=self._start)
        examples = self._drawn[self._start :].map_with_index(make)
        batches = examples.batch(self._part)[self._mine]
        if self._workers:
            return WorkerBatches(
                batches, 0, workers=self._workers, ahead=READ_AHEAD, largest=make.largest()
            )
        threads = grain.ReadOptions(num_threads=2, prefetch_buffer_size=READ_AHEAD)
        return iter(batches.to_iter_dataset(threads))


def build_pipeline(
    config: ConfigDict,
    split: str,
    seed: int,
    batch_size: int,
    process_index: int = 0,
    process_count: int = 1,
    *,
    fields: Sequence[str] = (),
) -> Pipeline:
    """The training stream of `config.data`: this process's part of each batch of `batch_size`.

    `fields` are the optional ones (mript_jax/batch.py) that its batches have.
    """
    source, indices = open_split(config, split, config.max_slices)
    _warn_of_empty_splits(source, config)
    random_task = RandomTask(
        task_grid(config.patterns, config.accelerations, config.center_fractions),
        task_weights(config),
        config.continuous_accelerations,
        height_width(config.image_size) if config.random_crops else None,
    )
    references = config.undersampling != "split"
    records = _stream(source, indices, seed, references)
    if config.mixture:
        others = [mixed_in(config, name, path) for name, path, _ in config.mixture]
        records = grain.MapDataset.mix(
            [records, *(_stream(*open_split(other, split), seed, references) for other in others)],
            [1.0, *(float(weight) for *_, weight in config.mixture)],
        ).seed(seed)
    return Pipeline(
        records.random_map(random_task),
        BatchExample(training_makers(config, fields), batch_size, seed),
        records,
        batch_size,
        process_index=process_index,
        process_count=process_count,
        workers=config.workers,
        max_broken=config.max_broken,
    )


def evaluation_batches(
    config: ConfigDict,
    split: str,
    task: Task,
    batch_size: int,
    max_slices: int = 0,
    seed: int = 0,
    *,
    fields: Sequence[str] = (),
) -> Iterator[tuple[Batch, list[Record]]]:
    """Each slice of a split once, undersampled by `task`, with its records; filled-up batches.

    `fields` are the optional ones (mript_jax/batch.py) that the batches have.
    """
    source, indices = open_split(config, split)
    if max_slices and max_slices < len(indices):  # spread over the whole split
        indices = indices[np.linspace(0, len(indices) - 1, max_slices).astype(int)]
    maker = evaluation_maker(config, fields)
    use_one_blas_thread()
    for start in range(0, len(indices), batch_size):
        records = [source[int(i)] for i in indices[start : start + batch_size]]
        for record in records:
            if record.image is None:
                raise UserError(f"{record.volume} {NO_REFERENCE}")
        examples = [maker(r, task, volume_seed(r.volume, seed)) for r in records]
        yield stack(examples, batch_size), records


def _shapes(maker: ExampleMaker) -> tuple[tuple[int, ...], ...]:
    """The shapes of an example's fields."""
    example = empty_example(maker.shape, maker.fields, maker.coils)
    return tuple(value.shape for value in example.values())


def training_makers(config: ConfigDict, fields: Sequence[str] = ()) -> list[ExampleMaker]:
    """The transforms to training examples, one for each number of coils that batches may have."""
    options = config.simulation
    scan = functools.partial(
        simulate,
        noise=tuple(options.noise),
        noise_free=options.noise_free,
        phase=options.phase,
        augment=options.augment,
    )
    coils = options.coils if config.undersampling == "simulated" else (config.coils,)
    return [example_maker(config, fields, count, scan, target=config.target) for count in coils]


def evaluation_maker(config: ConfigDict, fields: Sequence[str] = ()) -> ExampleMaker:
    """The transform to evaluation examples: simulated scans are those of the protocol `measured`.

    Their noise is `config.noise`, where that is given. References are root sums of squares.
    """
    simulated = config.undersampling == "simulated"
    noise = config.noise if simulated and config.noise else EVALUATION_NOISE
    scan = functools.partial(simulate, noise=(noise, noise), noise_free=0.0)
    coils = config.simulation.coils[0] if simulated else config.coils
    return example_maker(config, fields, coils, scan)


def example_maker(
    config: ConfigDict,
    fields: Sequence[str] = (),
    coils: int = 1,
    scan: Callable[..., Scan] = simulate,
    *,
    target: str = "rss",
) -> ExampleMaker:
    """The transform that `config.data` describes, to examples with these optional fields.

    `coils` and `scan` are how scans of several coils are simulated (data/simulation.py), `target`
    is the reference of measured ones.
    """
    check_fields(fields)
    common = {
        "shape": height_width(config.image_size),
        "crop": config.crop,
        "normalize_by": config.normalize_by,
        "fields": tuple(fields),
        "axis": {"columns": -1, "rows": -2}[config.phase_encodes],
        "partial_fourier": config.partial_fourier,
        "artifacts": tuple((name, degree) for name, degree in config.artifacts.items() if degree),
        "undersampling": config.undersampling,
    }
    if config.undersampling == "simulated":
        return ScanMaker(**common, coils=coils, simulate=scan)
    if config.undersampling in ("kspace", "split") and fields:
        return ScanMaker(**common, noise=config.noise, coils=coils, simulate=scan, target=target)
    return ExampleMaker(**common, noise=config.noise)


def _warn_of_empty_splits(source: Source, config: ConfigDict) -> None:
    """Say at once what a later validation or evaluation would not find."""
    splits = split_elements(source, config.split_fractions, config.splits_file)
    shares = dict(zip(SPLITS, config.split_fractions, strict=True))
    empty = [name for name, share in shares.items() if share > 0 and name not in splits]
    if empty:
        log.warning("no data in %s: %s", " and ".join(empty), describe_splits(source, splits))


def _stream(source: Source, indices: np.ndarray, seed: int, references: bool) -> grain.MapDataset:
    selected = Selection(source, indices, references)
    return grain.MapDataset.source(selected).seed(seed).shuffle().repeat(EPOCHS)


def mixed_in(config: ConfigDict, source: str, path: str) -> ConfigDict:
    """`config.data` of another dataset of the mixture."""
    config = copy.deepcopy(config)
    config.source, config.path, config.splits_file = source, path, ""
    return config


def task_weights(config: ConfigDict) -> tuple[float, ...]:
    """The probability of each task of the grid, from the weights of patterns and accelerations."""
    patterns = config.pattern_weights or (1.0,) * len(config.patterns)
    levels = config.acceleration_weights or (1.0,) * len(config.accelerations)
    total = sum(patterns) * sum(levels)
    return tuple(p * level / total for p in patterns for level in levels)


def open_split(config: ConfigDict, split: str, max_slices: int = 0) -> tuple[Source, np.ndarray]:
    """The source of `config.data` and the indices of one of its splits."""
    options = dict(config.options.get(config.source, {}))
    if config.source == "phantom":  # a simulated scan has a noise of its own
        options["noise"] = config.undersampling != "simulated"
    if "kspace" in options:  # it is slow to read, and undersampling an image needs none
        options["kspace"] &= config.undersampling in ("complex", "kspace", "split")
    source = open_source(config.source, config.path, **options)
    indices = select_split(source, split, config.split_fractions, config.splits_file)
    if len(indices) == 0:
        splits = split_elements(source, config.split_fractions, config.splits_file)
        raise UserError(
            f"the split {split!r} of {config.source} data {config.path!r} is empty "
            f"({describe_splits(source, splits)}); more subjects, data.split_fractions or "
            "data.splits_file would fill it"
        )
    return source, few_shot(indices, max_slices) if max_slices else indices
