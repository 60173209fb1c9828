"""Train, validation and test by patient or volume, never by slice; and few-shot subsets."""

import bisect
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from mript_jax.data.json_files import read_json
from mript_jax.data.pseudonyms import hash_of_subject, pseudonym
from mript_jax.data.readers.base import Source
from mript_jax.errors import UserError, unknown_name_error

SPLITS = ("train", "validation", "test")


def select_split(
    source: Source, split: str, fractions: Sequence[float], splits_file: str = ""
) -> np.ndarray:
    """The indices of the elements of `source` that belong to `split`; "all" takes every element.

    What a splits file says comes first, then the publisher's own split (fastMRI's folders), then
    the fractions: by a hash of the patient's name, so that adding patients moves none, but for one
    that a split of few patients was given because it had none.
    """
    if split == "all":
        return np.arange(len(source))
    if split not in SPLITS:
        raise unknown_name_error("split", split, (*SPLITS, "all"))
    return np.flatnonzero(np.asarray(split_elements(source, fractions, splits_file)) == split)


def split_elements(source: Source, fractions: Sequence[float], splits_file: str = "") -> list[str]:
    """The split of each element of a source; "" for one that a splits file does not name."""
    if splits_file:
        chosen = read_splits(splits_file)
        by_pseudonym = {pseudonym(name): split for name, split in chosen.items()}
        of_volume = {group: _look_up(chosen, group) for group in dict.fromkeys(source.groups)}
        of_subject = {
            subject: _look_up(chosen, subject) or by_pseudonym.get(subject, "")
            for subject in dict.fromkeys(source.subjects)
        }
        return [
            of_volume[group] or of_subject[subject]
            for group, subject in zip(source.groups, source.subjects, strict=True)
        ]
    if splits_are_published(source):
        return list(source.official_splits or ())
    of_subject = _split_subjects(dict.fromkeys(source.subjects), fractions)
    return [of_subject[subject] for subject in source.subjects]


def describe_splits(source: Source, splits: Sequence[str]) -> str:
    """The numbers of subjects and slices in each split, from the split of each element."""
    counts = []
    for name in SPLITS:
        members = [i for i, split in enumerate(splits) if split == name]
        subjects = len({source.subjects[i] for i in members})
        counts.append(f"{name} {subjects} subjects, {len(members)} slices")
    return "; ".join(counts)


def _split_subjects(subjects: Iterable[str], fractions: Sequence[float]) -> dict[str, str]:
    """By hash; of few subjects, those nearest to an empty split move into it from the largest."""
    of_subject = {subject: split_of(subject, fractions) for subject in subjects}
    edges = np.concatenate([[0.0], np.cumsum(fractions)])
    wanted = [i for i, share in enumerate(fractions) if share > 0]
    for i in wanted if len(of_subject) >= len(wanted) else ():
        members = Counter(of_subject.values())
        if members[SPLITS[i]]:
            continue
        (largest, _), *_ = members.most_common(1)
        distances = {
            subject: max(edges[i] - position, position - edges[i + 1])
            for subject, split in of_subject.items()
            if split == largest
            for position in (_position(subject),)
        }
        of_subject[min(distances, key=lambda subject: distances[subject])] = SPLITS[i]
    return of_subject


def splits_are_published(source: Source) -> bool:
    """Return True if the publisher put the slices into several splits.

    A folder that is one split, such as fastMRI's singlecoil_train, is divided by the fractions.
    """
    return len(set(source.official_splits or ()) - {""}) > 1


def split_of(name: str, fractions: Sequence[float]) -> str:
    """The split of a patient or volume, by a hash of its name."""
    if len(fractions) != len(SPLITS) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise UserError(
            f"split_fractions={tuple(fractions)} must be {len(SPLITS)} shares that add up to 1"
        )
    edges = tuple(itertools.accumulate(fractions))
    return SPLITS[min(bisect.bisect_right(edges, _position(name)), len(SPLITS) - 1)]


def few_shot(indices: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """`count` of the indices; for one seed, a smaller subset is part of every larger one."""
    order = np.random.default_rng(seed).permutation(len(indices))
    return indices[np.sort(order[:count])]


def write_splits(path: str | Path, split_of_volume: Mapping[str, str]) -> None:
    """Writes which volume is in which split, to be read and published."""
    lists: dict[str, list[str]] = {name: [] for name in SPLITS}
    for volume, split in sorted(split_of_volume.items()):
        if split:
            lists[split].append(volume)
    Path(path).write_text(json.dumps(lists, indent=1) + "\n")


def read_splits(path: str | Path) -> dict[str, str]:
    """volume -> split, from a file of `write_splits` or any JSON of lists by split."""
    try:
        lists = read_json(path)
        pairs = [(str(v), split) for split in SPLITS for v in _names(lists.get(split, []))]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"splits_file {path}: {error}") from error
    chosen: dict[str, str] = {}
    for volume, split in pairs:
        if chosen.setdefault(volume, split) != split:
            raise UserError(f"splits_file {path}: {volume} is in {chosen[volume]} and in {split}")
    if not chosen:
        raise UserError(f"splits_file {path} names no volume under {', '.join(SPLITS)}")
    return chosen


def _position(name: str) -> float:
    """From 0 to 1, by a hash of the name."""
    return int.from_bytes(hash_of_subject(name), "little") / 2**64


def _names(volumes: Any) -> list[Any]:
    if not isinstance(volumes, list) or any(isinstance(name, list | dict) for name in volumes):
        raise ValueError(f"expected lists of names under {', '.join(SPLITS)}")
    return volumes


def _look_up(chosen: Mapping[str, str], name: str) -> str:
    # Published lists of fastMRI leave out the ending of the file.
    return chosen.get(name) or chosen.get(PurePath(name).stem, "")
