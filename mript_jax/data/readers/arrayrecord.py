"""Data sets made by launch/prepare_data.py: ArrayRecord shards with an index beside them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource

from mript_jax.data.records import Record, decode_record
from mript_jax.errors import UserError

INDEX = "dataset.json"


class ArrayRecordSource:
    """The records of a folder, in the order of its index."""

    def __init__(self, path: str):
        self._folder = Path(path).absolute()
        index = read_index(self._folder)
        self._files = [str(self._folder / shard["file"]) for shard in index["shards"]]
        for file in self._files:
            if not Path(file).is_file():
                raise UserError(f"{file} is named in {INDEX} but is not there; prepare it again")
        names, numbers = index["volumes"], index["volume_of_record"]
        self.groups = np.asarray(names, object)[numbers] if numbers else np.zeros(0, object)
        self._reader = None

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> Record:
        if self._reader is None:
            self._reader = ArrayRecordDataSource(self._files)
        return decode_record(self._reader[index])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None}  # a file handle stays in its process


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a prepared data set."""
    if not folder.is_dir():
        raise UserError(f"no data at {folder}: it does not exist")
    path = folder / INDEX
    if not path.is_file():
        raise UserError(f"no {INDEX} in {folder}: prepare it with launch/prepare_data.py")
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from error
