"""Compiled programs kept in the user's cache folder: commands that ran before start faster.

JAX reads the folder from the environment, so nothing is imported here. A folder that is set there
(JAX_COMPILATION_CACHE_DIR) or in a config (`compilation_cache`) comes first, and
JAX_ENABLE_COMPILATION_CACHE=false keeps nothing.
"""

import hashlib
import os
import platform
from pathlib import Path

FOLDER, SHORTEST = "JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
LARGEST = 2**30  # bytes of the folder, above which its oldest half is deleted


def use_program_cache() -> None:
    """Point JAX, which must not be imported yet, to the folder; without one that can be written
    to, programs are compiled each time."""
    if FOLDER in os.environ:
        return
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shrink(folder)
    except OSError:
        return
    os.environ[FOLDER] = str(folder)
    os.environ.setdefault(SHORTEST, "0.2")


def cache_folder() -> Path:
    """The folder for this kind of processor: on a cluster several share a home."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mript_jax" / "programs" / _processor()


def shrink(folder: Path) -> None:
    """Delete the oldest files of a folder that has grown above `LARGEST`, down to half of it."""
    files = [(path, path.stat()) for path in folder.iterdir() if path.is_file()]
    size = sum(status.st_size for _, status in files)
    if size <= LARGEST:
        return
    for path, status in sorted(files, key=lambda file: file[1].st_mtime):
        path.unlink(missing_ok=True)
        size -= status.st_size
        if size <= LARGEST // 2:
            return


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()}-{hashlib.sha256(features.encode()).hexdigest()[:8]}"
