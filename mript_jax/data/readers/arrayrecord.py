"""Datasets made by `mript prepare`: ArrayRecord shards with an index beside them."""

from pathlib import Path
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader

from mript_jax.data.readers.base import Source
from mript_jax.data.readers.dataset_index import INDEX, read_index
from mript_jax.data.readers.files import OpenFiles
from mript_jax.data.records import BrokenRecord, Record, decode_record

OPEN_SHARDS = 128  # that a thread keeps: below what systems allow a process


class ArrayRecordSource(Source):
    """The records of a folder, in the order of its index; those that it drops are left out."""

    def __init__(self, path: str):
        self._folder = Path(path).absolute()
        index = read_index(self._folder)
        counts = [shard["records"] for shard in index["shards"]]
        self._files = [str(self._folder / shard["file"]) for shard in index["shards"]]
        self._starts = np.cumsum([0, *counts])
        self._kept = np.setdiff1d(np.arange(self._starts[-1]), index["dropped"])
        numbers = np.asarray(index["volume_of_record"], int)[self._kept]
        super().__init__(
            _expand(index["volumes"], numbers),
            subjects=_expand(index.get("subject_of_volume"), numbers),
            official_splits=_expand(index.get("official_split_of_volume"), numbers),
        )
        self._open = OpenFiles(open_shard, OPEN_SHARDS)

    def __getitem__(self, index: int) -> Record:
        number = self._kept[index]
        shard = int(np.searchsorted(self._starts, number, side="right")) - 1
        position = int(number - self._starts[shard])
        file = self._files[shard]
        try:
            reader = self._open(file)
            self._check_count(reader, shard)
            record = decode_record(reader.read([position])[0])
        except (RuntimeError, ValueError, IndexError) as error:
            raise BrokenRecord(f"{file} record {position}", f"cannot be read: {error}") from error
        if record.volume != self.groups[index]:
            why = f"is of {record.volume}, not of {self.groups[index]} as {INDEX} says"
            raise BrokenRecord(f"{file} record {position}", why)
        return record

    def _check_count(self, reader: ArrayRecordReader, shard: int) -> None:
        records = int(self._starts[shard + 1] - self._starts[shard])
        if reader.num_records() != records:
            raise ValueError(f"the shard has {reader.num_records()} records instead of {records}")


def open_shard(file: str) -> ArrayRecordReader:
    # Random access gains nothing from reading ahead.
    return ArrayRecordReader(file, options="readahead_buffer_size:0", file_reader_buffer_size=32768)


def _expand(of_volume: list[str] | None, numbers: np.ndarray) -> Any:
    """For each record what is known of its volume."""
    return None if of_volume is None else np.asarray(of_volume, object)[numbers]
