"""Any source to a folder of ArrayRecord shards with an index: what launch/prepare_data.py does.

A shard is written under a temporary name and renamed when it is whole, with a small file of what
it holds beside it; so a run that was killed goes on with the shards that are missing.
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image

from mript_jax.data.readers import open_source
from mript_jax.data.readers.arrayrecord import INDEX, ArrayRecordSource, read_index
from mript_jax.data.records import BrokenRecord, encode_record
from mript_jax.errors import UserError

WRITER_OPTIONS = "group_size:1,uncompressed"  # one record at a time: what random access needs
FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Job:
    """One shard to write: which records of which source go where."""

    source: str
    path: str
    options: tuple[tuple[str, Any], ...]
    start: int
    stop: int
    file: str  # absolute


def plan(
    source: str, path: str, options: dict[str, Any], output: Path, records_per_shard: int
) -> list[Job]:
    """The shards of a data set."""
    count = len(open_source(source, path, **options))
    shards = max(1, -(-count // records_per_shard))
    edges = np.linspace(0, count, shards + 1).astype(int)
    return [
        Job(
            source,
            path,
            tuple(sorted(options.items())),
            int(edges[i]),
            int(edges[i + 1]),
            str(output.absolute() / f"data-{i:05d}-of-{shards:05d}.arrayrecord"),
        )
        for i in range(shards)
    ]


def write_shards(jobs: list[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Writes the shards that are not there yet, and yields what each holds."""
    missing = [job for job in jobs if not _notes(job.file).exists()]
    for job in jobs:
        if job not in missing:
            yield json.loads(_notes(job.file).read_text())
    if workers <= 1 or len(missing) <= 1:
        yield from map(write_shard, missing)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(write_shard, missing)


def write_shard(job: Job) -> dict[str, Any]:
    """Writes one shard; broken records are left out and told."""
    source = open_source(job.source, job.path, **dict(job.options))
    temporary = Path(job.file + ".part")
    writer = ArrayRecordWriter(str(temporary), WRITER_OPTIONS)
    volumes, broken, size = [], [], 0
    for index in range(job.start, job.stop):
        try:
            record = source[index]
        except BrokenRecord as error:
            broken.append(str(error))
            continue
        data = encode_record(record)
        writer.write(data)
        size += len(data)
        volumes.append(record.volume)
    writer.close()
    notes = {
        "file": Path(job.file).name,
        "records": len(volumes),
        "bytes": size,
        "sha256": _checksum(temporary),
        "volumes": volumes,
        "broken": broken,
    }
    temporary.replace(job.file)
    _notes(job.file).write_text(json.dumps(notes))
    return notes


def write_index(output: Path, jobs: list[Job]) -> dict[str, Any]:
    """Writes dataset.json when all shards are there."""
    notes = []
    for job in jobs:
        if not _notes(job.file).exists():
            raise UserError(f"{output}: the shard {Path(job.file).name} is still missing")
        notes.append(json.loads(_notes(job.file).read_text()))
    volumes = list(dict.fromkeys(v for note in notes for v in note["volumes"]))
    number = {volume: i for i, volume in enumerate(volumes)}
    index = {
        "version": FORMAT_VERSION,
        "source": jobs[0].source,
        "options": dict(jobs[0].options),
        "records": sum(note["records"] for note in notes),
        "shards": [
            {key: note[key] for key in ("file", "records", "bytes", "sha256")} for note in notes
        ],
        "volumes": volumes,
        "volume_of_record": [number[v] for note in notes for v in note["volumes"]],
        "dropped": [],
        "broken": [line for note in notes for line in note["broken"]],
    }
    temporary = output / (INDEX + ".part")
    temporary.write_text(json.dumps(index))
    temporary.replace(output / INDEX)
    return index


def verify(folder: Path) -> int:
    """Checks every shard against its checksum; the number of records."""
    index = read_index(folder)
    for shard in index["shards"]:
        path = folder / shard["file"]
        if not path.is_file():
            raise UserError(f"{path} is missing")
        if _checksum(path) != shard["sha256"]:
            raise UserError(f"{path} is damaged: its checksum is not that of {INDEX}")
    source = ArrayRecordSource(str(folder))
    for i in range(len(source)):
        source[i]
    return len(source)


def contact_sheet(source: Any, rows: int = 4, columns: int = 6, size: int = 192) -> Image.Image:
    """Slices spread over a source, at a glance."""
    sheet = Image.new("L", (columns * size, rows * size))
    chosen = np.linspace(0, len(source) - 1, min(rows * columns, len(source))).astype(int)
    for position, index in enumerate(chosen):
        image = source[int(index)].image
        if image is None:
            continue
        bright = max(float(np.percentile(image, 99.7)), 1e-12)
        picture = Image.fromarray((255 * np.clip(image / bright, 0, 1)).astype(np.uint8))
        picture.thumbnail((size, size))
        row, column = divmod(position, columns)
        corner = (
            column * size + (size - picture.width) // 2,
            row * size + (size - picture.height) // 2,
        )
        sheet.paste(picture, corner)
    return sheet


def _notes(file: str) -> Path:
    return Path(file).with_suffix(".json")


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
