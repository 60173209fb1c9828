"""Finding the files of a data set."""

from collections.abc import Sequence
from pathlib import Path

from mript_jax.errors import UserError


def list_files(path: str | Path, suffixes: Sequence[str]) -> list[Path]:
    """The file itself, or all files below a folder with one of the suffixes, sorted.

    Links that lead out of the folder are refused.
    """
    root = Path(path)
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise UserError(f"no data at {root}: it does not exist")
    files = sorted(p for p in root.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    if not files:
        raise UserError(f"no {', '.join(suffixes)} file in {root}")
    inside = root.resolve()
    for file in files:
        if file.is_symlink() and not file.resolve().is_relative_to(inside):
            raise UserError(f"{file} is a link that leads out of {root}")
    return files
