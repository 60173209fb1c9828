"""Turns a dataset into sharded ArrayRecord files with an index, which train fastest.

  mript prepare --format=images --input=FOLDER --output=data/images
  mript prepare --format=phantom --count=1600 --size=128 --output=data/phantoms
  mript prepare --format=fastmri --input=FOLDER --output=data/knee --shard=3/16
  mript prepare --output=data/knee --verify

Beside the shards it writes dataset.json (what is there), splits.json (which volume is in which
split) and hygiene.json (what was left out: duplicates, blank slices, broken files).
Killed and run again, it goes on with the shards that are missing. --shard=i/n writes every n-th
shard from the i-th on (cluster job arrays); the last job to end writes the index.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from absl import flags

from mript_jax import cli
from mript_jax.errors import UserError


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_string("format", None, "What the input is; see mript_jax/data/readers.")
    flags.DEFINE_string("input", "", "File or folder of the data (phantoms need none).")
    flags.DEFINE_string("output", None, "Folder for the shards.")
    flags.DEFINE_multi_string("option", [], "name=value for the reader, such as skip_ends=5.")
    flags.DEFINE_integer("count", 1600, "phantom: how many slices.")
    flags.DEFINE_integer("size", 224, "phantom: height and width.")
    flags.DEFINE_integer("seed", 0, "phantom: another seed shows other subjects.")
    flags.DEFINE_list("splits", ["0.8", "0.1", "0.1"], "Shares of train, validation and test.")
    flags.DEFINE_bool("deduplicate", True, "Leave out slices whose content is there already.")
    flags.DEFINE_integer("records_per_shard", 0, "Records in a shard; 0: a good size is chosen.")
    flags.DEFINE_integer("workers", 0, "Processes; 0: one for each core.")
    flags.DEFINE_string("shard", "0/1", "i/n: this job's part of the shards.")
    flags.DEFINE_integer("max_broken", 100, "So many unusable slices are left out; more stop it.")
    flags.DEFINE_bool("verify", False, "Only check an output that is there already.")
    flags.DEFINE_bool("preview", False, "Write preview.png, a contact sheet, too.")


def main() -> None:
    values = cli.FLAGS
    cli.required(output=values.output)
    if values.verify:
        _verify(Path(values.output))
        return
    cli.required(format=values.format)
    for name in ("records_per_shard", "workers", "max_broken"):
        cli.at_least(0, name)
    part, parts = _shard(values.shard)
    fractions = _fractions(values.splits)
    from mript_jax.data.preparation import dataset, shards

    output = Path(values.output)
    jobs = shards.plan(
        values.format,
        values.input,
        _options(),
        output=output,
        records_per_shard=values.records_per_shard,
    )
    output.mkdir(parents=True, exist_ok=True)
    mine = jobs[part::parts]
    with _progress(sum(job.stop - job.start for job in mine)) as advance:
        notes = shards.write_shards(
            mine, values.workers or os.cpu_count() or 1, values.max_broken, advance
        )
    for line in sorted(line for note in notes for line in note["broken"]):
        print(f"left out: {line}")
    missing = [job for job in jobs if shards.read_notes(job) is None]
    if missing:
        print(f"{len(mine)} shards written, {len(missing)} left to the other jobs")
        return
    index = dataset.write_index(output, jobs, fractions, values.deduplicate)
    counts = ", ".join(f"{name} {count}" for name, count in index["splits"]["records"].items())
    print(f"{output}: {index['records']} slices of {len(index['volumes'])} volumes ({counts})")
    print(f"left out: see {output / dataset.HYGIENE_FILE}")
    if values.preview:
        from mript_jax.data.preparation.preview import contact_sheet
        from mript_jax.data.readers import open_source

        contact_sheet(open_source("arrayrecord", str(output))).save(output / "preview.png")
        print(output / "preview.png")


def _verify(output: Path) -> None:
    from mript_jax.data.preparation.dataset import verify
    from mript_jax.data.readers.dataset_index import read_index

    with _progress(read_index(output)["records"]) as advance:
        count = verify(output, advance)
    print(f"{output}: {count} slices, all as they were written")


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar, and the function that moves it on."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("slices", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("slices", total=total)
        yield lambda count: progress.advance(task, count)


def _options() -> dict:
    options = {}
    if cli.FLAGS.format == "phantom":
        options = {key: cli.FLAGS[key].value for key in ("count", "size", "seed")}
    return options | cli.name_value_pairs("option", cli.FLAGS.option)


def _fractions(texts: list[str]) -> tuple[float, ...]:
    from mript_jax.data.splits import split_of

    try:
        fractions = tuple(float(text) for text in texts)
    except ValueError as error:
        raise UserError(f"--splits={','.join(texts)}: expected three numbers") from error
    split_of("", fractions)
    return fractions


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise UserError(f"--shard={text}: expected i/n with i from 0 to n - 1")
    return int(part), int(parts)
