"""dataset.json, the index of a prepared dataset: read, checked, and sealed with a checksum."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mript_jax.data.json_files import read_json, texts, whole_numbers
from mript_jax.data.readers.files import refuse_escape
from mript_jax.errors import UserError

INDEX = "dataset.json"
SEAL = "checksum"  # of all else in the index; those of older versions have none
SPLITS = ("train", "validation", "test", "")


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a prepared dataset; whatever is wrong with it is a UserError."""
    if not folder.is_dir():
        raise UserError(f"no data at {folder}: it does not exist")
    path = folder / INDEX
    if not path.is_file():
        raise UserError(f"no {INDEX} in {folder}: prepare it with launch/prepare_data.py")
    refuse_escape(folder, path)
    try:
        index = read_json(path)
        _check(index)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}") from error
    for shard in index["shards"]:
        if not (folder / shard["file"]).is_file():
            file = folder / shard["file"]
            raise UserError(f"{file} is missing: {INDEX} names it; prepare it again")
        refuse_escape(folder, folder / shard["file"])
    return index


def sealed(index: dict[str, Any]) -> dict[str, Any]:
    """The index with its checksum."""
    return {**index, SEAL: _checksum(index)}


def _checksum(index: dict[str, Any]) -> str:
    rest = {key: value for key, value in index.items() if key != SEAL}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check(index: Any) -> None:
    if not isinstance(index, dict):
        raise ValueError("is no index of a dataset")
    if missing := {"shards", "volumes", "volume_of_record", "dropped"} - index.keys():
        raise ValueError(f"it has no {', '.join(sorted(missing))}")
    if SEAL in index and index[SEAL] != _checksum(index):
        raise ValueError("it was changed after it was written (its checksum does not fit)")
    shards, volumes = index["shards"], texts(index["volumes"], "volumes")
    if not isinstance(shards, list) or not all(_is_shard(shard) for shard in shards):
        raise ValueError("shards should each have a file of the folder, records and a sha256")
    numbers = whole_numbers(index["volume_of_record"], "volume_of_record")
    dropped = whole_numbers(index["dropped"], "dropped")
    records = sum(shard["records"] for shard in shards)
    if len(numbers) != records:
        raise ValueError(f"its shards hold {records} records, volume_of_record {len(numbers)}")
    if len(set(volumes)) != len(volumes) or max(numbers, default=-1) >= len(volumes):
        raise ValueError("volume_of_record names volumes that are not there, or some twice")
    if len(set(dropped)) != len(dropped) or max(dropped, default=-1) >= records:
        raise ValueError("dropped names records that are not there, or some twice")
    if index.get("records", records - len(dropped)) != records - len(dropped):
        raise ValueError(f"it has {records - len(dropped)} records, not {index['records']}")
    if len({shard["file"] for shard in shards}) != len(shards):
        raise ValueError("it names a shard twice")
    for key in ("subject_of_volume", "official_split_of_volume"):
        if key in index and len(texts(index[key], key)) != len(volumes):
            raise ValueError(f"{key} has {len(index[key])} entries for {len(volumes)} volumes")
    if unknown := set(index.get("official_split_of_volume", ())) - set(SPLITS):
        raise ValueError(f"official_split_of_volume has the unknown split {min(unknown)!r}")


def _is_shard(shard: Any) -> bool:
    if not isinstance(shard, dict):
        return False
    file, records = shard.get("file"), shard.get("records")
    plain = isinstance(file, str) and file == Path(file).name and "\0" not in file
    digest = shard.get("sha256")
    return (
        plain
        and type(records) is int
        and records >= 0
        and isinstance(digest, str)
        and len(digest) == 64
    )
