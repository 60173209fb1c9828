"""Train, validation and test by volume, never by slice: by a hash of its name, or from a file."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mript_jax.errors import UserError, unknown_name

SPLITS = ("train", "validation", "test")


def select_split(
    groups: Sequence[str],
    split: str,
    fractions: Sequence[float],
    splits_file: str = "",
) -> np.ndarray:
    """The indices of the elements whose group belongs to `split`; "all" takes every element.

    A volume's split depends on its name alone, so adding volumes moves none.
    """
    if split == "all":
        return np.arange(len(groups))
    if split not in SPLITS:
        raise unknown_name("split", split, (*SPLITS, "all"))
    chosen = read_splits(splits_file) if splits_file else None
    of_group = {
        group: chosen.get(group, "") if chosen is not None else split_of(group, fractions)
        for group in dict.fromkeys(groups)
    }
    return np.flatnonzero([of_group[group] == split for group in groups])


def split_of(group: str, fractions: Sequence[float]) -> str:
    """The split of a volume, by a hash of its name."""
    if len(fractions) != len(SPLITS) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise UserError(
            f"split_fractions={tuple(fractions)} must be {len(SPLITS)} shares that add up to 1"
        )
    digest = hashlib.blake2b(group.encode(), digest_size=8).digest()
    position = int.from_bytes(digest, "little") / 2**64
    edges = np.cumsum(fractions)
    return SPLITS[min(int(np.searchsorted(edges, position, side="right")), len(SPLITS) - 1)]


def write_splits(path: str | Path, groups: Sequence[str], fractions: Sequence[float]) -> None:
    """Writes which volume is in which split, to be read and published."""
    lists: dict[str, list[str]] = {name: [] for name in SPLITS}
    for group in sorted(set(groups)):
        lists[split_of(group, fractions)].append(group)
    Path(path).write_text(json.dumps(lists, indent=1) + "\n")


def read_splits(path: str | Path) -> dict[str, str]:
    """volume -> split, from a file of `write_splits`."""
    try:
        lists = json.loads(Path(path).read_text())
        return {group: split for split, groups in lists.items() for group in groups}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"splits_file {path}: {error}") from error
