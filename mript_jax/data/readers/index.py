"""Facts on each file of a dataset, kept in the user's cache so that opening it is cheap.

The index is JSON and is made anew for files whose size or time has changed. Where the cache cannot
be written, it lives in memory. The folder of the data stays as it is: other tools read all of it.
"""

import hashlib
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
    path = index_file(root, kind) if len(names) > 1 else None
    known = _read(path)
    index, written, changed = {}, time.monotonic(), False
    for name in names:
        entry = known.get(name)
        stamp = _stamp(root / name)
        if not isinstance(entry, dict) or entry.get("stamp") != stamp or "about" not in entry:
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


def index_file(root: Path, kind: str) -> Path:
    """The path of the index of a folder: $XDG_CACHE_HOME or ~/.cache, under a hash of its path."""
    cache = Path(os.getenv("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    digest = hashlib.blake2b(os.fsencode(os.path.realpath(root)), digest_size=16).hexdigest()
    return cache / "mript_jax" / f"{digest}.{kind}.json"


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
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # names may be of patients
        temporary.write_text(json.dumps(content))
        temporary.replace(path)
    except OSError:  # no home, a full or read-only disk
        return
