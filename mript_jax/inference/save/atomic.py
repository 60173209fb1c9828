"""Files that appear when they are whole: an interrupted run leaves the earlier ones."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary path of the same ending, which becomes `path` at the end of the block."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path, suffix: str) -> Iterator[Path]:
    """A temporary folder, which becomes `path` at the end of the block.

    A folder that is there is replaced, unless it holds something else than files of the suffix.
    """
    if path.exists() and (path.is_symlink() or not path.is_dir()):
        raise FileExistsError(f"{path} is there and is no folder")
    others = [p.name for p in path.iterdir() if p.suffix != suffix] if path.exists() else []
    if others:
        raise FileExistsError(f"{path} holds other files, such as {others[0]!r}")
    temporary, old = (
        path.with_name(f".{os.getpid()}.{kind}.{path.name}") for kind in ("new", "old")
    )
    try:
        temporary.mkdir()
        yield temporary
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
    finally:
        for folder in (temporary, old):
            shutil.rmtree(folder, ignore_errors=True)
