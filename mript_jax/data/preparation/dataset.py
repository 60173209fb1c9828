"""The index of a folder of shards: what is in it, in which split, and what was left out.

dataset.json is what training reads; splits.json can be published and given to another run;
hygiene.json says what does not belong into the data and why.
"""

import importlib.metadata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mript_jax
from mript_jax.data.preparation import hygiene
from mript_jax.data.preparation.shards import Job, checksum, open_once, read_notes, write_json
from mript_jax.data.readers.arrayrecord import ArrayRecordSource
from mript_jax.data.readers.base import Source
from mript_jax.data.readers.dataset_index import INDEX, read_index, sealed
from mript_jax.data.splits import SPLITS, split_elements, splits_are_published, write_splits
from mript_jax.errors import UserError

FORMAT_VERSION = 2
SPLITS_FILE, HYGIENE_FILE = "splits.json", "hygiene.json"


def write_index(
    output: Path, jobs: Sequence[Job], fractions: Sequence[float], deduplicate: bool = True
) -> dict[str, Any]:
    """Writes dataset.json, splits.json and hygiene.json when all shards are there."""
    notes = []
    for job in jobs:
        note = read_notes(job)
        if note is None:
            raise UserError(f"{output}: the shard {Path(job.file).name} is still missing")
        notes.append(note)
    kept = [record for note in notes for record in note["kept"]]
    blank, broken = ([line for note in notes for line in note[key]] for key in ("blank", "broken"))
    if not kept:
        raise UserError(f"{output}: no slice can be used: " + "; ".join([*broken, *blank][:5]))
    doubles = hygiene.duplicates(digest for _, _, digest in kept) if deduplicate else {}
    volumes = list(dict.fromkeys(volume for volume, _, _ in kept))
    number = {volume: i for i, volume in enumerate(volumes)}
    source = open_once(jobs[0].source, jobs[0].path, jobs[0].options)
    split_of_volume = _by_volume(source, split_elements(source, fractions), volumes)
    splits_of_kept = [
        split_of_volume[volume] for i, (volume, _, _) in enumerate(kept) if i not in doubles
    ]
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "array-record")}
    index = {
        "version": FORMAT_VERSION,
        "versions": {"mript_jax": mript_jax.__version__, **versions},
        "source": jobs[0].source,
        "options": dict(jobs[0].options),
        "records": len(kept) - len(doubles),
        "bytes": sum(note["bytes"] for note in notes),
        "shards": [
            {key: note[key] for key in ("file", "records", "bytes", "sha256")} for note in notes
        ],
        "splits": {
            "file": SPLITS_FILE,
            "fractions": list(fractions),
            "official": splits_are_published(source),
            "volumes": {name: list(split_of_volume.values()).count(name) for name in SPLITS},
            "records": {name: splits_of_kept.count(name) for name in SPLITS},
        },
        "dropped": list(doubles),
        "volumes": volumes,
        "volume_of_record": [number[volume] for volume, _, _ in kept],
    }
    if list(source.subjects) != list(source.groups):
        subject_of = _by_volume(source, source.subjects, volumes)
        index["subject_of_volume"] = list(subject_of.values())
    if source.official_splits is not None:
        split_of = _by_volume(source, source.official_splits, volumes)
        index["official_split_of_volume"] = list(split_of.values())
    write_splits(output / SPLITS_FILE, split_of_volume)
    names = [f"{volume} slice {number}" for volume, number, _ in kept]
    write_json(output / HYGIENE_FILE, hygiene.report(names, doubles, blank, broken))
    write_json(output / INDEX, sealed(index))
    return index


def verify(folder: Path, progress: Callable[[int], None] = lambda records: None) -> int:
    """Checks every shard against its checksum and reads every record; how many there are."""
    for shard in read_index(folder)["shards"]:
        path = folder / shard["file"]
        if checksum(path) != shard["sha256"]:
            raise UserError(f"{path} is damaged: its checksum is not that of {INDEX}")
    source = ArrayRecordSource(str(folder))
    for i, volume in enumerate(source.groups):
        if source[i].volume != volume:
            raise UserError(f"{folder}: record {i} is of {source[i].volume}, not of {volume}")
        progress(1)
    return len(source)


def _by_volume(source: Source, values: Sequence[str], volumes: Sequence[str]) -> dict[str, str]:
    of_volume = dict(zip(source.groups, values, strict=True))
    return {volume: of_volume[volume] for volume in volumes}
