"""Paths as they are told to others: results are published, the folders of a machine are not."""

import re
from typing import Any

LAST_PARTS = 3  # of a path: RUN/checkpoints/STEP
# Names of folders may hold spaces; where one may end is told by the slash behind it alone.
FOLDER = r"[^\s/:;,\"'](?:[^\n/:;,\"']*[^\s/:;,\"'])?"
ABSOLUTE = re.compile(rf"(?<![\w./…])/(?:{FOLDER}/)+[^\s/:;,\"']+")


def without_folders(value: Any) -> Any:
    """A text, or the texts in dicts and lists, with the last parts only of absolute paths."""
    if isinstance(value, dict):
        return {key: without_folders(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(without_folders(below) for below in value)
    return ABSOLUTE.sub(_last_parts, value) if isinstance(value, str) else value


def _last_parts(path: re.Match) -> str:
    _, *parts = path[0].split("/")
    kept = max(min(len(parts) - 2, LAST_PARTS), 1)  # without a user's home
    return "…/" + "/".join(parts[-kept:])
