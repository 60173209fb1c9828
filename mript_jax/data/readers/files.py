"""The files of a dataset: found, and a few of them kept open."""

import collections
import functools
import glob
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError


def find_files(path: str | Path, suffixes: Sequence[str]) -> tuple[Path, list[str]]:
    """A root, and sorted names below it: the file itself, or all of a folder with a suffix.

    `path` may hold wildcards that match several files or folders. Names with a leading dot are
    left out.
    """
    path = str(path)
    matches = [path] if os.path.exists(path) else sorted(glob.glob(path))
    if not matches:
        raise UserError(f"no data at {path}: it does not exist")
    if len(matches) == 1 and os.path.isfile(matches[0]):
        return Path(matches[0]).parent, [os.path.basename(matches[0])]
    root = matches[0] if len(matches) == 1 else os.path.commonpath(matches)
    found: list[str] = []
    for match in matches:
        found += [match] if os.path.isfile(match) else _walk(match, tuple(suffixes))
    if not found:
        raise UserError(f"no {', '.join(suffixes)} file in {path}")
    prefix = len(os.path.join(root, ""))
    return Path(root), sorted(name[prefix:] for name in found)


def refuse_escape(root: str | Path, path: str | Path) -> None:
    """Refuses a file that is a link to somewhere outside of `root`."""
    if os.path.islink(path):
        inside = os.path.join(os.path.realpath(root), "")
        if not os.path.realpath(path).startswith(inside):
            raise BrokenRecord(str(path), f"is a link that leads out of {root}")


class OpenFiles:
    """Files kept open: a bounded number in each thread, none pickled, none shared by a fork."""

    def __init__(self, open_file: Callable[[str], Any], limit: int):
        self._open_file, self._limit = open_file, limit
        self._local = threading.local()

    def __call__(self, path: str) -> Any:
        handles = self._handles()
        if path not in handles:
            while len(handles) >= self._limit:
                _, oldest = handles.popitem(last=False)
                oldest.close()
            handles[path] = self._open_file(path)
        handles.move_to_end(path)
        return handles[path]

    def __getstate__(self) -> dict[str, Any]:
        return {"open_file": self._open_file, "limit": self._limit}

    def __setstate__(self, state: dict[str, Any]) -> None:
        type(self).__init__(self, **state)

    def _handles(self) -> collections.OrderedDict[str, Any]:
        if getattr(self._local, "process", None) != os.getpid():
            self._local.process = os.getpid()
            self._local.handles = collections.OrderedDict()
        return self._local.handles


def remember(method: Callable[..., Any], count: int) -> Any:
    """The method of an open file, with its last `count` results; `cache_clear()` forgets them.

    The file is not kept by its own cache, which would leave it open until garbage is collected.
    """
    function, owner = method.__func__, weakref.proxy(method.__self__)  # type: ignore[attr-defined]
    return functools.lru_cache(maxsize=count)(functools.partial(function, owner))


def _walk(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, suffixes)
        elif entry.name.lower().endswith(suffixes):
            yield entry.path
        elif entry.is_symlink() and entry.is_dir():
            raise UserError(
                f"{entry.path} is a link to a folder; links to folders are not followed"
            )
