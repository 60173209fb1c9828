"""The description of a sample: how it is written, read and damaged; and helpers of all families."""

import dataclasses
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mript_jax.data.readers import open_source
from mript_jax.data.records import Record

Damage = Callable[[Path, random.Random], None]
Spans = list[range]

ENDLESS = 2**40  # of a range up to the end of a file that no length is held against


@dataclasses.dataclass(frozen=True)
class Sample:
    """A folder of files, one of which (`target`) is damaged.

    recognize: the first check of a header, with the format's own library; raises.
    unprotected: bytes whose change the format has no means to detect: numbers, names and times.
    restored: damaged bytes, with what is said once back in place if all else fits it as well.
    own: part of the volume's name of the slices that are in the target; others are neighbours.
    other_content: the damages in `structure` after which the file is valid and says something else.
    other_count: of these damages those after which there may be fewer or more slices.
    says_length: whether the format says how long a file is; else bytes may be put in or taken out.
    renames: a refused file may change the names and numbers of the slices of its volume.
    is_list: the target is a list of names, and any part of it is as good a list.
    structure_share: of the cases, damages of the structure; the others are of bytes.
    """

    write: Callable[[Path], None]
    target: str
    open: Callable[[Path], Sequence[Record]]
    recognize: Callable[[Path], object]
    structure: Mapping[str, Damage]
    other_content: frozenset[str] = frozenset()
    other_count: frozenset[str] = frozenset()
    unprotected: Callable[[Path], Spans] = lambda path: []
    restored: Callable[[bytes, bytes], bytes] = lambda content, damaged: damaged
    own: str | None = None  # by default the name of the target
    key: Callable[[Record], Hashable] = lambda record: (record.volume, record.slice_index)
    named: tuple[str, ...] = ()
    says_length: bool = True
    is_list: bool = False
    renames: bool = False
    structure_share: float = 0.5

    def is_own(self, record: Record) -> bool:
        return (self.target if self.own is None else self.own) in record.volume


def source(reader: str, **options: Any) -> Callable[[Path], Sequence[Record]]:
    def open_folder(folder: Path) -> Sequence[Record]:
        return open_source(reader, str(folder), **options)

    return open_folder


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    pairs = np.random.default_rng(seed).standard_normal((*shape, 2), np.float32)
    return pairs.view(np.complex64)[..., 0]


def bytes_of(path: Path, *contents: bytes) -> Spans:
    """Where these contents lie in a file."""
    data, spans = path.read_bytes(), []
    for content in contents:
        start = data.find(content)
        while start >= 0:
            spans.append(range(start, start + len(content)))
            start = data.find(content, start + 1)
    return spans
