"""Any source to ArrayRecord shards, by several processes.

A shard is written under a temporary name and renamed when it is whole, with notes of what it
holds beside it; so a run that was killed goes on with the shards that are missing, and the jobs of
a cluster share the shards of one folder.
"""

import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import multiprocessing
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter

from mript_jax.data.json_files import read_json
from mript_jax.data.preparation import hygiene
from mript_jax.data.readers import open_source
from mript_jax.data.readers.base import Source
from mript_jax.data.records import BlankRecord, BrokenRecord, encode_record
from mript_jax.errors import UserError

WRITER_OPTIONS = "group_size:1,uncompressed"  # one record at a time: what random access needs
SHARD_BYTES = 256 * 2**20  # a shard is about so large
LEAST_SHARDS = 16  # of a dataset large enough, so that processes can share the work
MOST_RECORDS = 8192  # in a shard

NOTES = {"job", "file", "records", "bytes", "sha256", "kept", "blank", "broken"}

Notes = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Job:
    """One shard to write: which records of which source go where."""

    source: str
    path: str
    options: tuple[tuple[str, Any], ...]
    start: int
    stop: int
    file: str  # absolute

    def identity(self) -> list[Any]:
        """The properties by which a shard that is already there is recognized as this one."""
        return [self.source, dict(self.options), self.start, self.stop]


def plan(
    source: str, path: str, options: Mapping[str, Any], output: Path, records_per_shard: int = 0
) -> list[Job]:
    """The shards of a dataset; 0 records per shard: a number that makes a good file size."""
    given = tuple(sorted(options.items()))
    opened = open_once(source, path, given)
    count = len(opened)
    shards = max(1, -(-count // (records_per_shard or _good_size(opened))))
    edges = np.linspace(0, count, shards + 1).astype(int).tolist()
    jobs = [
        Job(
            source,
            path,
            given,
            start=edges[i],
            stop=edges[i + 1],
            file=str(output.absolute() / f"data-{i:05d}-of-{shards:05d}.arrayrecord"),
        )
        for i in range(shards)
    ]
    expected = {notes_path(job).name for job in jobs}
    others = sorted({path.name for path in output.glob("data-*.json")} - expected)
    if others:
        raise _other_data(output / others[0])
    return jobs


def write_shards(
    jobs: Sequence[Job],
    workers: int,
    max_broken: int,
    progress: Callable[[int], None] = lambda records: None,
) -> list[Notes]:
    """Writes the shards that are not there yet; the notes of all.

    `progress` is told how many records were read. More than `max_broken` broken ones in all are a
    UserError that lists them.
    """
    found = [read_notes(job) for job in jobs]
    missing = [job for job, note in zip(jobs, found, strict=True) if note is None]
    notes = [note for note in found if note is not None]
    progress(sum(note["records"] + len(note["blank"]) + len(note["broken"]) for note in notes))
    broken = [line for note in notes for line in note["broken"]]
    _refuse_more(broken, max_broken)
    workers = min(workers, len(missing))
    if workers <= 1:
        for job in missing:
            notes.append(write_shard(job, max_broken, progress))
            broken += notes[-1]["broken"]
            _refuse_more(broken, max_broken)
        return notes
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    with concurrent.futures.ProcessPoolExecutor(
        workers, context, initializer=_start_worker, initargs=(counter,)
    ) as pool:
        pending = {pool.submit(_write_counted, job, max_broken) for job in missing}
        told = 0
        try:
            while pending:
                done, pending = concurrent.futures.wait(pending, timeout=0.2)
                progress(counter.value - told)
                told = counter.value
                for future in done:
                    notes.append(future.result())
                    broken += notes[-1]["broken"]
                    _refuse_more(broken, max_broken)
        except concurrent.futures.process.BrokenProcessPool as error:
            raise UserError(
                f"a worker process was killed (out of memory?): run again with fewer than "
                f"{workers} workers; finished shards are kept"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
    return notes


def write_shard(
    job: Job, max_broken: int, progress: Callable[[int], None] = lambda records: None
) -> Notes:
    """Writes one shard; blank and broken records are left out and noted."""
    source = open_once(job.source, job.path, job.options)
    temporary = Path(job.file + ".part")
    writer = ArrayRecordWriter(str(temporary), WRITER_OPTIONS)
    kept, blank, broken, size = [], [], [], 0
    for index in range(job.start, job.stop):
        progress(1)
        try:
            record = source[index]
            if record.image is not None and hygiene.is_blank(record.image):
                raise BlankRecord(f"{record.volume} slice {record.slice_index}", "is blank")
        except BlankRecord as error:
            blank.append(str(error))
            continue
        except BrokenRecord as error:
            broken.append(str(error))
            _refuse_more(broken, max_broken)
            continue
        data = encode_record(record)
        writer.write(data)
        size += len(data)
        kept.append([record.volume, record.slice_index, hygiene.content_hash(record)])
    writer.close()
    notes = {
        "job": job.identity(),
        "file": Path(job.file).name,
        "records": len(kept),
        "bytes": size,
        "sha256": checksum(temporary),
        "kept": kept,
        "blank": blank,
        "broken": broken,
    }
    temporary.replace(job.file)
    write_json(notes_path(job), notes)
    return notes


@functools.lru_cache(maxsize=1)
def open_once(source: str, path: str, options: tuple[tuple[str, Any], ...]) -> Any:
    """The source, which a process opens once for all its shards."""
    return open_source(source, path, **dict(options))


def read_notes(job: Job) -> Notes | None:
    """The notes of a finished shard; None where it is not finished."""
    path = notes_path(job)
    if not path.exists() or not Path(job.file).exists():
        return None
    try:
        notes = read_json(path)
        of_job = notes["job"] == json.loads(json.dumps(job.identity()))
        complete = notes.keys() >= NOTES
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path} is damaged: {error}; delete it to write its shard again"
        ) from error
    if not of_job:
        raise _other_data(path)
    if not complete:
        raise UserError(f"{path} is damaged; delete it to write its shard again")
    return notes


def notes_path(job: Job) -> Path:
    return Path(job.file).with_suffix(".json")


def write_json(path: Path, content: Notes) -> None:
    """Writes a file that is there as a whole or not at all."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    temporary.write_text(json.dumps(content))
    temporary.replace(path)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _good_size(source: Source) -> int:
    size = 2**18
    for index in range(min(len(source), 20)):  # the first record that can be used
        try:
            size = len(encode_record(source[index]))
            break
        except BrokenRecord:
            continue
    shared = max(32, -(-len(source) // LEAST_SHARDS))
    return max(1, min(SHARD_BYTES // size, shared, MOST_RECORDS))


_counter: Any = None  # of a worker: an inherited object, which cannot be sent with a job


def _start_worker(counter: Any) -> None:
    global _counter
    _counter = counter


def _write_counted(job: Job, max_broken: int) -> Notes:
    def count(records: int) -> None:
        with _counter.get_lock():
            _counter.value += records

    return write_shard(job, max_broken, count)


def _refuse_more(broken: Sequence[str], max_broken: int) -> None:
    if len(broken) > max_broken:
        raise UserError(
            f"{len(broken)} records cannot be used, more than max_broken={max_broken}: "
            + "; ".join(sorted(broken))
        )


def _other_data(path: Path) -> UserError:
    return UserError(
        f"{path.parent} holds shards of other data or of other options ({path.name}); "
        "choose another output"
    )
