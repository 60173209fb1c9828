"""Fine-tuning on a user's own scans: split, train, measure before and after on held-out volumes."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from mript_jax.checkpoint import load_checkpoint_config
from mript_jax.data.pipeline import open_split
from mript_jax.data.readers import open_source
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.data.splits import write_splits
from mript_jax.errors import UserError
from mript_jax.evaluation.evaluate import gain
from mript_jax.evaluation.report import write_report
from mript_jax.evaluation.report.held_out_page import error_fell
from mript_jax.evaluation.report.layout import NO_HELP
from mript_jax.evaluation.results import write_results
from mript_jax.evaluation.summary import beyond_chance
from mript_jax.experiments.comparison import compare
from mript_jax.experiments.held_out_samples import compare_without_references
from mript_jax.physics.recognition.mask import recognize_mask
from mript_jax.physics.tasks import Task, make_task
from mript_jax.training.cores import divide_cpu
from mript_jax.training.loop import train_to_end
from mript_jax.training.setup import set_up
from mript_jax.training.step_time import limit_steps
from mript_jax.training.validation import FOLDER as BEST

BEFORE, AFTER = "before", "fine_tuned"
SHARES = {"test": 0.2, "validation": 0.1}  # of the subjects; at least one, validation from 5 on
FEW = 5  # subjects below which figures say little
SMALLEST = 32  # pixels of a side
ADAPTER_RANK = 8
LARGE = 256 * 256  # samples of all coils above which updates have one slice
LEARNING_RATES = {"all": 3e-4, "adapters": 1e-3}
MOST_STEPS, WARMUP_STEPS = 20_000, 20
MOST_COILS = 8  # to which measured coils are compressed
MOST_SLICES = 48  # of the held-out ones that are measured


@dataclasses.dataclass(frozen=True)
class Scans:
    """Scans found in a folder: a slice from the middle of each volume that can be read."""

    format: str
    path: str
    subjects: tuple[str, ...]
    slices: int
    records: tuple[Record, ...]

    @property
    def undersampled(self) -> tuple[Record, ...]:
        """Those of scans whose k-space was not fully sampled."""
        return tuple(r for r in self.records if r.mask is not None and not np.all(r.mask))


def look_through(format: str, path: str) -> Scans:
    """Open a folder of scans and read one slice of each volume."""
    source = open_source(format, path)
    middle: dict[str, list[int]] = {}
    for index, group in enumerate(source.groups):
        middle.setdefault(group, []).append(index)
    records, broken = [], []
    for indices in middle.values():
        try:
            records.append(source[indices[len(indices) // 2]])
        except BrokenRecord as error:
            broken.append(str(error))
    if not records:
        raise UserError(f"no volume of {path} can be read: {broken[0]}")
    subjects = tuple(dict.fromkeys(source.subjects))
    return Scans(format, path, subjects, slices=len(source), records=tuple(records))


def split_subjects(subjects: Sequence[str]) -> dict[str, str]:
    """subject -> split: always the same for the same names, and none of the splits empty."""
    order = sorted(subjects, key=lambda name: hashlib.blake2b(name.encode()).digest())
    counts = {split: max(1, round(share * len(order))) for split, share in SHARES.items()}
    if len(order) < FEW:
        counts["validation"] = 0
    chosen: dict[str, str] = {}
    start = 0
    for split, count in counts.items():
        chosen |= dict.fromkeys(order[start : start + count], split)
        start += count
    return chosen | dict.fromkeys(order[start:], "train")


def plan(
    scans: Scans,
    checkpoint: str,
    tasks: Sequence[Task],
    *,
    adapters: bool = False,
    self_supervised: bool = False,
) -> ConfigDict:
    """The config of the fine-tuning; refuses what cannot work.

    Its steps are the most that there may be. `tasks` are those of `tasks_of`: training is for
    their patterns, at the first and the last acceleration.
    Call it before any use of a device: a CPU is divided for its batches.
    """
    _check(scans, self_supervised)
    config = load_checkpoint_config(checkpoint).unlock()
    if config.model.name != "unrolled":
        raise UserError(
            f"{checkpoint} is a model of the kind {config.model.name!r}, which has parts for each "
            "of its tasks; fine-tune it with --config and --config.init_from (docs/training.md)"
        )
    measured = any(record.kspace is not None for record in scans.records)
    config.init_from = checkpoint
    config.seed = 0
    config.update({"keep_checkpoints": 1, "checkpoint_every_steps": 100, "evaluate_every_steps": 0})
    config.update({"total_steps": MOST_STEPS, "compilation_cache": ""})
    data = config.data
    data.update({"source": scans.format, "path": scans.path, "mixture": (), "max_slices": 0})
    data.update({"pattern_weights": (), "acceleration_weights": (), "continuous_accelerations": ()})
    ends = {task.acceleration: task.center_fraction for task in (tasks[0], tasks[-1])}
    data.update({"accelerations": tuple(ends), "center_fractions": tuple(ends.values())})
    data.patterns = tuple(dict.fromkeys(task.pattern for task in tasks))
    with data.ignore_type():  # of a number or a pair
        data.image_size = _image_size(scans, self_supervised)
    if self_supervised:
        data.undersampling, config.loss = "split", "self_supervised"
    else:
        data.undersampling = "kspace" if measured else "simulated"
    coils = max(1 if r.kspace is None else len(r.kspace) for r in scans.records)
    data.coils = min(coils, MOST_COILS)
    data.simulation.coils = (1,)
    slices = 1 if np.prod(data.image_size) * data.coils > LARGE else 2
    config.global_batch_size = slices
    divide_cpu(config)
    config.global_batch_size = max(slices, jax.device_count())  # each device has one
    config.optimizer.update({"name": "muon", "schedule": "cosine", "ema_decay": 0.0})
    config.optimizer.warmup_steps = WARMUP_STEPS
    config.optimizer.learning_rate = LEARNING_RATES["adapters" if adapters else "all"]
    config.optimizer.lora_rank = ADAPTER_RANK if adapters else 0
    config.evaluation.update({"protocol": "measured", "split": "test", "batch_size": 8})
    for name in ("patterns", "accelerations", "center_fractions"):
        config.evaluation[name] = data[name][:1]  # a scan with its own mask is measured once
    config.evaluation.max_slices = MOST_SLICES
    return config


def finetune(
    config: ConfigDict, subjects: Sequence[str], output: str | Path, minutes: float
) -> str:
    """Train for about so many minutes, measure on held-out volumes, and say what came of it.

    `output` gets splits.json, the run (training/), its weights and the report (evaluation/). Run
    again, it resumes.
    """
    output = Path(output).absolute()
    output.mkdir(parents=True, exist_ok=True)
    splits, run = split_subjects(subjects), output / "training"
    write_splits(output / "splits.json", splits)
    config.data.splits_file = str(output / "splits.json")
    config.compilation_cache = config.compilation_cache or str(output / "cache")
    setup = set_up(config)
    print(limit_steps(config, run, minutes, setup), flush=True)
    validated = "validation" in splits.values() and config.data.undersampling != "split"
    if validated and not config.evaluate_every_steps:
        config.evaluate_every_steps = max(config.total_steps // 4, 1)
    count = Counter(splits.values())
    print(
        f"{config.total_steps} updates on {count['train']} subjects, "
        f"{count['test']} held out: {run}",
        flush=True,
    )
    train_to_end(config.lock(), run, setup)
    weights = run / BEST if (run / BEST).is_dir() else run
    figures, helped = _measure(config, weights, output / "evaluation")
    report = f"report: {output / 'evaluation' / 'report.html'}"
    if not helped:
        return f"{figures}; {NO_HELP}\n{report}"
    use = f"mript reconstruct --checkpoint={weights} --input=SCAN --output=FOLDER"
    return f"{figures}\n{report}\nuse it: {use}"


def describe(scans: Scans, tasks: Sequence[Task]) -> str:
    """The scans, and what is trained for, in a line."""
    kinds = Counter(_kind(record) for record in scans.records)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    few = f" (with fewer than {FEW}, figures say little)" if len(scans.subjects) < FEW else ""
    patterns = " and ".join(dict.fromkeys(task.pattern for task in tasks))
    ends = dict.fromkeys(f"{task.acceleration:.3g}" for task in (tasks[0], tasks[-1]))
    return (
        f"{len(scans.subjects)} subjects{few}, {scans.slices} slices: {told}; "
        f"trained for {patterns} at acceleration {' to '.join(ends)}"
    )


def tasks_of(scans: Scans, pattern: str, acceleration: float) -> tuple[Task, ...]:
    """The tasks to train for, by acceleration: those of the scans' masks, else the one asked for.

    A pattern at an acceleration is there once.
    """
    masks = [recognize_mask(np.asarray(record.mask)) for record in scans.undersampled]
    seen = {
        (m.acceleration, m.pattern): make_task(
            m.pattern, max(m.acceleration, 1.0), m.center_fraction
        )
        for m in masks
    }
    return tuple(seen[key] for key in sorted(seen)) or (make_task(pattern, acceleration),)


def _kind(record: Record) -> str:
    if record.kspace is None:
        return "volumes of images, whose k-space is simulated"
    sampled = record.mask is None or np.all(record.mask)
    return f"scans of {len(record.kspace)} coils, {'fully sampled' if sampled else 'undersampled'}"


def _check(scans: Scans, self_supervised: bool) -> None:
    """Says in a line what is missing, before anything is computed."""
    count = len(scans.subjects)
    if count < 2:
        raise UserError(
            f"{scans.path} holds one subject; fine-tuning needs 2 or more, better {FEW}, since "
            "some are held out to measure on"
        )
    if self_supervised and any(record.kspace is None for record in scans.records):
        raise UserError(f"--self_supervised needs k-space, and {scans.path} holds images")
    without = [r for r in scans.records if r.image is None]
    if without and not self_supervised:
        raise UserError(
            f"{len(without)} of {len(scans.records)} scans are undersampled or have no reference "
            f"({without[0].volume}); --self_supervised trains without"
        )
    side = min(size for record in scans.records for size in _size(record))
    if side < SMALLEST:
        raise UserError(f"{scans.path} holds slices of {side} pixels; {SMALLEST} are needed")


def _size(record: Record) -> tuple[int, int]:
    if record.image is not None:
        return record.size
    assert record.kspace is not None
    height, width = record.kspace.shape[-2:]
    return height, width


def _image_size(scans: Scans, split: bool) -> tuple[int, int]:
    """The size of training examples: that of most volumes, and all lines of the widest k-space."""
    sizes = Counter(map(_size_to_train, scans.records))
    if split and len(sizes) > 1:
        raise UserError(
            f"the scans have k-space of several sizes ({', '.join(map(str, sizes))}); "
            "self-supervised training needs one: give a folder of each"
        )
    height, width = sizes.most_common(1)[0][0]
    lines = [record.kspace.shape[-1] for record in scans.records if record.kspace is not None]
    return height, max(lines, default=width)


def _size_to_train(record: Record) -> tuple[int, int]:
    if record.kspace is None:
        return record.size
    height, width = record.kspace.shape[-2:]
    wanted = record.attributes.get("recon_size")
    if record.image is not None:
        wanted = record.size
    return min(height, int(wanted[0])) if wanted else height, width


def _measure(config: ConfigDict, weights: Path, folder: Path) -> tuple[str, bool]:
    """The figures before and after in words, and whether they got better; writes the report."""
    if config.data.undersampling == "split" and not _has_references(config):
        checkpoints = {BEFORE: config.init_from, AFTER: str(weights)}
        slices = compare_without_references(config, checkpoints, folder, MOST_SLICES)
        before, after = (np.mean([of.errors[name] for of in slices]) for name in (BEFORE, AFTER))
        figures = (
            f"error at samples that were not given to the model, of {len(slices)} held-out slices: "
            f"{before:.4f} before, {after:.4f} fine-tuned"
        )
        return figures, error_fell(slices)
    measured = ConfigDict(config.copy_and_resolve_references()).unlock()
    if measured.data.undersampling == "split":
        measured.data.undersampling = "kspace"
    checkpoints = {AFTER: str(weights), BEFORE: config.init_from}
    results, examples = compare(measured, checkpoints, over=BEFORE)
    write_results(folder, results, examples)
    write_report(folder / "report.html", results, examples, over=BEFORE)
    means = {
        name: float(np.mean([row["psnr"] for row in results["rows"] if row["method"] == name]))
        for name in (AFTER, BEFORE, "zero_filled")
    }
    change = means[AFTER] - means[BEFORE]
    figures = (
        f"PSNR of {results['rows'][0]['count']} held-out slices: {means['zero_filled']:.2f} dB "
        f"zero-filled, {means[BEFORE]:.2f} dB before, {means[AFTER]:.2f} dB fine-tuned "
        f"({change:+.2f} dB)"
    )
    return figures, beyond_chance([gain(example, AFTER, BEFORE) for example in examples])


def _has_references(config: ConfigDict) -> bool:
    source, indices = open_split(config.data, "test")
    return source[int(indices[0])].image is not None
