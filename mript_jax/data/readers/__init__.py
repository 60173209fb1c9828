"""Sources by format: `open_source(name, path, **options)`.

A source is random access and picklable: `len(source)`, `source[i] -> Record`, and
`source.groups`, the volume of each element.
"""

import inspect
from collections.abc import Callable
from typing import Any

from mript_jax.data.phantom.source import PhantomSource
from mript_jax.data.readers.arrayrecord import ArrayRecordSource
from mript_jax.data.readers.fastmri import FastMRISource
from mript_jax.data.readers.images import ImageFolderSource
from mript_jax.errors import UserError, unknown_name

READERS: dict[str, Callable[..., Any]] = {
    "phantom": PhantomSource,  # generated; needs no path
    "arrayrecord": ArrayRecordSource,
    "fastmri": FastMRISource,
    "images": ImageFolderSource,
}


def open_source(name: str, path: str = "", **options: Any) -> Any:
    """Opens a data set; a wrong name, path or option is a UserError."""
    if name not in READERS:
        raise unknown_name("data source", name, READERS)
    reader = READERS[name]
    known = [p for p in inspect.signature(reader).parameters if p != "path"]
    for option in options:
        if option not in known:
            raise unknown_name(f"option of {name} data", option, known)
    if "path" not in inspect.signature(reader).parameters:
        return reader(**options)
    if not path:
        raise UserError(f"{name} data needs a path")
    return reader(path, **options)
