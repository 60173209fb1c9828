"""Checksums of a checkpoint's files: a damaged one is refused before anything of it is used.

The format itself notices little: a flipped bit is another weight, a cut file an error of its own
kind or none. A step's folder holds `sha256.json`, written just before the folder gets its final
name. A folder without it, of an earlier version, is read as it is.
"""

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

CHECKSUMS = "sha256.json"


def write_checksums(folder: Path) -> None:
    """Write the checksum of every file in the items (subfolders) of a step's folder."""
    sums = {name: _sha256(path, *_changed(path)) for name, path in _files(folder).items()}
    (folder / CHECKSUMS).write_text(json.dumps(sums, indent=1) + "\n")


def has_checksums(folder: Path) -> bool:
    return (folder / CHECKSUMS).exists()


def find_damage(folder: Path, items: Sequence[str] = ()) -> str | None:
    """Say what is wrong with the files of some items (default: all); None where nothing is.

    A folder without checksums counts as intact.
    """
    if not has_checksums(folder):
        return None
    try:
        sums = json.loads((folder / CHECKSUMS).read_text())
        expected = {name: str(of_file) for name, of_file in sums.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return f"{CHECKSUMS} cannot be read"
    files = _files(folder)
    for name in sorted(expected):
        if items and name.split("/")[0] not in items:
            continue
        if name not in files:
            return f"{name} is missing"
        if _sha256(files[name], *_changed(files[name])) != expected[name]:
            return f"{name} is not as it was saved"
    return None


def _files(folder: Path) -> dict[str, Path]:
    paths = (path for path in sorted(folder.glob("*/**/*")) if path.is_file())
    return {str(path.relative_to(folder)): path for path in paths}


def _changed(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@functools.lru_cache(maxsize=2**14)  # a command reads the same checkpoint several times
def _sha256(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
