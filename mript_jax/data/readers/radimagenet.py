"""RadImageNet: PNG slices in folders modality/anatomy/pathology, and its CSV files of labels."""

import csv
import os
import re
from pathlib import Path

from mript_jax.data.readers.base import Source
from mript_jax.data.readers.files import find_files, refuse_escape
from mript_jax.data.readers.images import SUFFIXES, read_gray, refuse_empty
from mript_jax.data.records import Record
from mript_jax.errors import UserError, unknown_name_error

MODALITIES = ("MR", "CT", "US")
NUMBER = re.compile(r"(\d+)(?=\D*$)")  # the last one in a file's name


class RadImageNetSource(Source):
    """The slices of one modality, with their labels.

    labels: one of the CSV files (columns filename, label); only what it names is taken.
    anatomy: only these, such as "brain,knee".
    block: the dataset names no patients. Files are numbered, neighbours are often of one patient:
      so many consecutive ones of a folder are one volume, never split. 1: each on its own, as in
      MR-IPT's own split.
    """

    def __init__(
        self, path: str, modality: str = "MR", labels: str = "", anatomy: str = "", block: int = 50
    ):
        if modality not in MODALITIES:
            raise unknown_name_error("modality", modality, MODALITIES)
        if block < 1:
            raise UserError(f"block={block} must be 1 or more")
        self._root, names = _labeled(Path(path), labels) if labels else _found(path)
        wanted = set(anatomy.split(",")) if anatomy else None
        self._entries = []  # (name, label, folders)
        groups = []
        seen = set()
        for name, label in names:
            place = _place(self._root, name, modality)
            if place is None:
                continue
            seen.add(place[0])
            if wanted is None or place[0] in wanted:
                self._entries.append((name, label or place[-1], place))
                groups.append(_group(name, block))
        if not self._entries:
            there = f" of {anatomy}; there are: {', '.join(sorted(seen))}" if seen else ""
            raise UserError(f"no {modality} slice in {path}{there}")
        super().__init__(groups)

    def __getitem__(self, index: int) -> Record:
        name, label, place = self._entries[index]
        path = os.path.join(self._root, name)
        refuse_escape(self._root, path)
        image = read_gray(path, first_channel=True)
        refuse_empty(image, path)
        attributes = {"anatomy": place[0], "pathology": place[-1], "label": label, "file": name}
        return Record(image, self.groups[index], _number(name), attributes=attributes)


def _found(path: str) -> tuple[Path, list[tuple[str, str]]]:
    root, names = find_files(path, SUFFIXES)
    return root, [(name, "") for name in names]


def _labeled(root: Path, labels: str) -> tuple[Path, list[tuple[str, str]]]:
    file = root / labels
    try:
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"labels {file}: {error}") from error
    if not rows or not {"filename", "label"} <= rows[0].keys():
        raise UserError(f"labels {file}: expected the columns filename and label")
    label_of: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        name, label = row["filename"], row["label"]
        if not name or label is None or None in row:
            raise UserError(f"labels {file}: line {number} has no filename or no label, or more")
        if os.path.isabs(name) or ".." in name.split("/") or "\0" in name:
            raise UserError(f"labels {file}: line {number}: {name!r} leads out of {root}")
        if label_of.setdefault(name, label) != label:
            raise UserError(f"labels {file}: line {number} gives {name} another label than before")
    return root, list(label_of.items())


def _place(root: Path, name: str, modality: str) -> tuple[str, ...] | None:
    """(anatomy, pathology) where the file lies below a folder of the modality."""
    folders = name.split("/")[:-1]
    if modality not in folders:
        folders = [*root.absolute().parts, *folders]  # the path was that of a folder further down
    if modality not in folders:
        return None
    below = folders[len(folders) - folders[::-1].index(modality) :]
    return tuple(below) or ("",)


def _group(name: str, block: int) -> str:
    folder, file = os.path.split(name)
    number = NUMBER.search(file)
    if block == 1 or number is None:
        return name
    return f"{folder}/{file[: number.start()]}{int(number[1]) // block * block:06d}+"


def _number(name: str) -> int:
    number = NUMBER.search(os.path.basename(name))
    return int(number[1]) if number else 0
