"""A source over files that each hold a volume; what a format is like comes as functions."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mript_jax.data.readers.base import Source
from mript_jax.data.readers.files import OpenFiles, find_files, refuse_escape
from mript_jax.data.readers.index import About, cached_index
from mript_jax.data.readers.limits import UNREADABLE
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.errors import UserError


def own_name(name: str, about: About) -> str:
    """A file is a volume of its own, named by its path in the folder."""
    return name


def nothing_there(abouts: list[About]) -> str:
    return "no file holds any"


@dataclasses.dataclass(frozen=True)
class Format:
    """Functions that read one kind of file. A defect of a file is raised as ValueError."""

    kind: str  # name of the index file; with the version of what `inspect` says
    suffixes: tuple[str, ...]
    inspect: Callable[[str], About]  # a file's path -> what the index keeps of it, json-able
    slices: Callable[[About], Sequence[Any]]  # -> a key for each slice
    open_file: Callable[[str], Any]  # -> something that can be read from and closed
    read: Callable[[Any, About, Any], dict[str, Any]]  # (opened, about, key) -> fields of a Record
    volume: Callable[[str, About], str] = own_name
    subject: Callable[[str, About], str] = own_name
    open_files: int = 8  # that a thread keeps
    explain: Callable[[list[About]], str] = nothing_there  # why no slice is left


class VolumeSource(Source):
    """The slices of a file or of a folder of files; a broken file is one element that says so."""

    def __init__(self, path: str, form: Format):
        self._format = form
        self.root, names = find_files(path, form.suffixes)
        index = cached_index(self.root, names, self._inspect, form.kind)
        self._abouts = index
        self._entries: list[tuple[str, Any]] = []
        for name in names:
            slices = [None] if "broken" in index[name] else form.slices(index[name])
            self._entries += [(name, key) for key in slices]
        if all(key is None for _, key in self._entries):
            usable = [about for about in index.values() if "broken" not in about]
            raise UserError(f"no slice is left in {path}: {form.explain(usable)}")
        used = dict.fromkeys(name for name, _ in self._entries)
        volumes = {name: self._name(form.volume, name) for name in used}
        subjects = {name: self._name(form.subject, name) for name in used}
        names = [name for name, _ in self._entries]
        super().__init__(
            [volumes[name] for name in names],
            subjects=[subjects[name] for name in names],
            names=names,
        )
        self._open = OpenFiles(form.open_file, form.open_files)

    def __getitem__(self, index: int) -> Record:
        name, key = self._entries[index]
        about, path = self._abouts[name], str(self.root / name)
        if "broken" in about:
            raise BrokenRecord(path, about["broken"])
        what = f"{path} slice {key}"
        try:
            fields = self._format.read(self._open(path), about, key)
        except BrokenRecord as error:
            raise type(error)(what, error.why) from error
        except UNREADABLE as error:
            raise BrokenRecord(what, f"cannot be read: {error}") from error
        return Record(**{"image": None, "volume": self.groups[index], "path": path} | fields)

    def _inspect(self, path: Path) -> About:
        refuse_escape(self.root, path)
        try:
            return self._format.inspect(str(path))
        except UNREADABLE as error:
            raise BrokenRecord(str(path), f"cannot be read (cut short?): {error}") from error

    def _name(self, function: Callable[[str, About], str], name: str) -> str:
        about = self._abouts[name]
        return name if "broken" in about else function(name, about)
