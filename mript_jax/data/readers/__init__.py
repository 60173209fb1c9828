"""Sources by format: `open_source(name, path, **options)`.

What a source gives is in readers/base.py.
"""

import importlib
import inspect
from typing import Any

from mript_jax.data.readers.base import Source
from mript_jax.errors import UserError, named_missing_package, unknown_name_error

__all__ = ["READERS", "open_source", "option_names"]

READERS = {  # name -> where its source is; imported when it is asked for
    "phantom": "mript_jax.data.phantom.source:PhantomSource",  # generated; needs no path
    "generated": "mript_jax.data.generated.source:GeneratedSource",  # objects of no anatomy
    "arrayrecord": "mript_jax.data.readers.arrayrecord:ArrayRecordSource",
    "fastmri": "mript_jax.data.readers.fastmri:FastMRISource",
    "radimagenet": "mript_jax.data.readers.radimagenet:RadImageNetSource",
    "ismrmrd": "mript_jax.data.readers.ismrmrd:IsmrmrdSource",
    "cmrxrecon": "mript_jax.data.readers.cmrxrecon:CMRxReconSource",
    "cfl": "mript_jax.data.readers.cfl:CflSource",  # BART
    "nifti": "mript_jax.data.readers.nifti:NiftiSource",  # the extra "nifti"
    "dicom": "mript_jax.data.readers.dicom:DicomSource",  # the extra "dicom"
    "numpy": "mript_jax.data.readers.numpy_array:NumpySource",
    "images": "mript_jax.data.readers.images:ImageSource",
}


def open_source(name: str, path: str = "", **options: Any) -> Source:
    """Open a dataset; a wrong name, path or option is a UserError."""
    reader = _reader(name)
    known = option_names(name)
    for option in options:
        if option not in known:
            raise unknown_name_error(f"option of {name} data", option, known)
    if "path" not in inspect.signature(reader).parameters:
        return reader(**options)
    if not path:
        raise UserError(f"{name} data needs a path")
    return reader(path, **options)


def option_names(name: str) -> list[str]:
    """The options of a reader."""
    return [key for key in inspect.signature(_reader(name)).parameters if key != "path"]


def _reader(name: str) -> type[Source]:
    if name not in READERS:
        raise unknown_name_error("data source", name, READERS)
    module, attribute = READERS[name].split(":")
    with named_missing_package(f"{name} data need", extra=name):
        return getattr(importlib.import_module(module), attribute)
