"""Facts on each file of a dataset, kept beside the data so that opening it is cheap.

The index is JSON and is made anew for files whose size or time has changed. Where the folder
cannot be written, it lives in memory.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError

WRITE_EVERY = 20.0  # seconds: a first look at many files that is killed goes on from there

About = dict[str, Any]


def cached_index(
    root: Path, names: Sequence[str], inspect: Callable[[Path], About], kind: str
) -> dict[str, About]:
    """name -> what `inspect` says of the file `root / name`, or {"broken": why}.

    `kind` names the reader and the version of what its `inspect` says. If no file can be used,
    that is a UserError. Of a single file nothing is kept.
    """
    path = root / f".mript_index.{kind}.json" if len(names) > 1 else None
    known = _read(path)
    index, written, changed = {}, time.monotonic(), False
    for name in names:
        entry = known.get(name)
        stamp = _stamp(root / name)
        if entry is None or entry["stamp"] != stamp:
            entry, changed = {"stamp": stamp, "about": _about(root / name, inspect)}, True
            known[name] = entry
        index[name] = entry["about"]
        if changed and time.monotonic() - written > WRITE_EVERY:
            _write(path, known)
            written, changed = time.monotonic(), False
    if changed:
        _write(path, known)
    broken = [
        f"{root / name}: {about['broken']}" for name, about in index.items() if "broken" in about
    ]
    if len(broken) == len(index):
        others = f" (and {len(broken) - 1} more files like it)" if len(broken) > 1 else ""
        raise UserError(broken[0] + others)
    return index


def _about(path: Path, inspect: Callable[[Path], About]) -> About:
    try:
        return inspect(path)
    except BrokenRecord as error:
        return {"broken": error.why}


def _stamp(path: Path) -> list[int]:
    try:
        stat = path.stat()
    except OSError:  # a link to nothing: `inspect` says so
        return [0, 0]
    return [stat.st_size, stat.st_mtime_ns]


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):  # none yet, or one that a full disk cut short
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path | None, content: dict[str, Any]) -> None:
    if path is None:
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(content))
        temporary.replace(path)
    except OSError:  # a read-only folder
        return
