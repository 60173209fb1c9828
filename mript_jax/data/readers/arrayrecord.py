"""Datasets made by `mript prepare`: ArrayRecord shards with an index beside them."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader

from mript_jax.data.readers.base import Source
from mript_jax.data.readers.files import OpenFiles
from mript_jax.data.records import BrokenRecord, Record, decode_record
from mript_jax.errors import UserError

INDEX = "dataset.json"
OPEN_SHARDS = 128  # that a thread keeps: below what systems allow a process


class ArrayRecordSource(Source):
    """The records of a folder, in the order of its index; those that it drops are left out."""

    def __init__(self, path: str):
        self._folder = Path(path).absolute()
        index = read_index(self._folder)
        counts = [shard["records"] for shard in index["shards"]]
        self._files = [str(self._folder / shard["file"]) for shard in index["shards"]]
        for file in self._files:
            if not Path(file).is_file():
                raise UserError(f"{file} is named in {INDEX} but is not there; prepare it again")
        self._starts = np.cumsum([0, *counts])
        self._kept = np.setdiff1d(np.arange(self._starts[-1]), index["dropped"])
        numbers = np.asarray(index["volume_of_record"], int)[self._kept]
        super().__init__(
            _expand(index["volumes"], numbers),
            subjects=_expand(index.get("subject_of_volume"), numbers),
            official_splits=_expand(index.get("official_split_of_volume"), numbers),
        )
        self._open = OpenFiles(_open_shard, OPEN_SHARDS)

    def __getitem__(self, index: int) -> Record:
        number = self._kept[index]
        shard = int(np.searchsorted(self._starts, number, side="right")) - 1
        position = int(number - self._starts[shard])
        file = self._files[shard]
        try:
            return decode_record(self._open(file).read([position])[0])
        except (RuntimeError, ValueError, KeyError, IndexError, struct.error) as error:
            raise BrokenRecord(f"{file} record {position}", f"cannot be read: {error}") from error


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a prepared dataset."""
    if not folder.is_dir():
        raise UserError(f"no data at {folder}: it does not exist")
    path = folder / INDEX
    if not path.is_file():
        raise UserError(f"no {INDEX} in {folder}: prepare it with launch/prepare_data.py")
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from error


def _open_shard(file: str) -> ArrayRecordReader:
    # Random access gains nothing from reading ahead.
    return ArrayRecordReader(file, options="readahead_buffer_size:0", file_reader_buffer_size=32768)


def _expand(of_volume: list[str] | None, numbers: np.ndarray) -> Any:
    """For each record what is known of its volume."""
    return None if of_volume is None else np.asarray(of_volume, object)[numbers]
