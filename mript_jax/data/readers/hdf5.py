"""Arrays of HDF5 files from anywhere: in the file itself, and of a size that memory can hold."""

import math

import h5py

LARGEST_READ = 2**31  # bytes that are read at once: a chunk, or the samples of a slice
LARGEST_VOLUME = 2**35  # bytes of a volume that is held in memory


def find_array(file: h5py.Group, name: str) -> h5py.Dataset:
    """An array of a file; one that lies elsewhere, or is none, is a ValueError."""
    if isinstance(file.get(name, getlink=True), h5py.ExternalLink):
        raise ValueError(f"its {name} is a link to another file")
    array = file[name]
    if not isinstance(array, h5py.Dataset) or array.shape is None:
        kind = type(array).__name__.lower()
        raise ValueError(f"its {name} is no array but an empty one or a {kind}")
    if array.file.filename != file.file.filename or array.is_virtual or array.external:
        raise ValueError(f"its {name} lies in another file")
    chunk = math.prod(array.chunks or ()) * array.dtype.itemsize
    if chunk > LARGEST_READ:
        raise ValueError(f"its {name} has chunks of {chunk} bytes, more than {LARGEST_READ}")
    return array


def refuse_large(
    shape: tuple[int, ...], itemsize: int, what: str, most: int = LARGEST_READ
) -> None:
    """Refuses to read an array whose declared size no scan has."""
    size = math.prod(shape) * itemsize
    if size > most:
        raise ValueError(f"its {what} would take {size} bytes, more than {most}")
