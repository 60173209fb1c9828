"""What is known of each file of a data set, kept beside the data so that opening it is cheap.

The index is JSON and is made anew for files whose size or time has changed. Where the folder
cannot be written, it lives in memory.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

NAME = ".mript_index.json"


def cached_index(
    folder: Path, files: Sequence[Path], inspect: Callable[[Path], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """path -> what `inspect` said of the file."""
    path = folder / NAME
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        known = {}
    index, changed = {}, False
    for file in files:
        stat = file.stat()
        key, stamp = str(file.relative_to(folder)), [stat.st_size, stat.st_mtime_ns]
        entry = known.get(key)
        if not isinstance(entry, dict) or entry.get("stamp") != stamp:
            entry, changed = {"stamp": stamp, "about": inspect(file)}, True
            known[key] = entry
        index[str(file)] = entry["about"]
    if changed:
        _write(path, known)
    return index


def _write(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(content))
        temporary.replace(path)
    except OSError:  # a read-only folder
        return
