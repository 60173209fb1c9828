"""Arrays of HDF5 files from anywhere: whole, in the file itself, and of a size that memory holds.

HDF5 keeps no checksums by itself, but says most things twice. A contradiction is a ValueError.
"""

import itertools
import math
import os
from collections.abc import Iterable
from typing import Any

import h5py
import numpy as np

from mript_jax.data.readers.limits import refuse_bomb

LARGEST_READ = 2**31  # bytes that are read at once: a chunk, or the samples of a slice
LARGEST_VOLUME = 2**35  # bytes of a volume that is held in memory
SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK = 96  # bytes of the longest
HEADER = 16  # bytes of the shortest header of an object, or of a group
CHECKSUM = 4  # bytes behind a chunk; the library reads beyond its memory where they are missing
FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf


def open_hdf5(path: str) -> h5py.File:
    """A file that is as long as it says: neither cut short nor grown by foreign bytes."""
    size, end = os.path.getsize(path), _end(path)
    if size != end:
        raise ValueError(f"has {size} bytes instead of {end}: it was cut short or written over")
    return h5py.File(path, "r")


def find_array(file: h5py.Group, name: str) -> h5py.Dataset:
    """An array of a file; one that lies elsewhere, or is none, is a ValueError."""
    link = file.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        where = " to another file" if isinstance(link, h5py.ExternalLink) else ""
        raise ValueError(f"its {name} is a link{where}")
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


def find_arrays(file: h5py.Group) -> list[h5py.Dataset]:
    """The arrays of a group that lie in its file."""
    links = {name: file.get(name, getlink=True) for name in file}
    items = [file[name] for name, link in links.items() if isinstance(link, h5py.HardLink)]
    return [item for item in items if isinstance(item, h5py.Dataset) and not item.is_virtual]


def list_names(group: h5py.Group) -> list[bytes]:
    """The names in a group, in order; a list of names that no writer makes is a ValueError."""
    names: list[bytes] = []
    group.id.links.iterate(names.append, order=h5py.h5.ITER_INC)  # as they are stored, not sorted
    if names != sorted(set(names)):
        raise ValueError(f"its list of names is damaged: {_texts(names)}")
    if odd := [name for name in _texts(names) if not name.isprintable()]:
        raise ValueError(f"its names {odd} are damaged")
    return names


def is_readable(dtype: np.dtype) -> bool:
    """Return True for numbers and texts; the library dies of some other types that are damaged."""
    return h5py.check_string_dtype(dtype) is not None or dtype.kind in "biufcS"


def check_stored(array: h5py.Dataset) -> None:
    """Refuses an array that has gaps, or whose storage contradicts its type, shape and place."""
    name = array.name.rpartition("/")[2]
    sizes = list(zip(array.shape, array.maxshape, strict=True))
    if any(most not in (None, size) for size, most in sizes):
        raise ValueError(f"its {name} has the shape {array.shape}, but declares {array.maxshape}")
    numbers = array.dtype.kind in "fciuV" and not array.dtype.hasobject
    if numbers and not h5py.h5t.py_create(array.dtype).equal(array.id.get_type()):
        raise ValueError(f"its {name} is of unusual numbers ({array.dtype} at best)")
    if array.chunks:
        _check_chunks(array, name)
    elif not array.dtype.hasobject and array.id.get_storage_size() != array.nbytes:
        stored = array.id.get_storage_size()
        raise ValueError(f"its {name} has {stored} bytes in the file instead of {array.nbytes}")
    _check_place(array, name)


def storage_spans(array: h5py.Dataset) -> list[tuple[int, int]]:
    """Where the numbers of an array lie in its file."""
    if array.chunks:
        return _chunk_spans(_list_chunks(array))
    start = array.id.get_offset()
    return [] if start is None else [(start, start + array.id.get_storage_size())]


def overlap(spans: Iterable[tuple[int, int]]) -> bool:
    """Return True if two of these ranges of a file have a byte in common."""
    return any(stop > start for (_, stop), (start, _) in itertools.pairwise(sorted(spans)))


def refuse_large(
    shape: tuple[int, ...], itemsize: int, what: str, most: int = LARGEST_READ
) -> None:
    """Refuses to read an array whose declared size no scan has."""
    size = math.prod(shape) * itemsize
    if size > most:
        raise ValueError(f"its {what} would take {size} bytes, more than {most}")


def _check_chunks(array: h5py.Dataset, name: str) -> None:
    """Refuses chunks that are missing, lie over each other, or unpack to more than they should."""
    of_chunk = math.prod(array.chunks) * array.id.get_type().get_size()
    wanted = math.prod(-(-n // m) for n, m in zip(array.shape, array.chunks, strict=True))
    if wanted > os.path.getsize(array.file.filename):
        raise ValueError(f"its {name} would have {wanted} chunks")
    properties = array.id.get_create_plist()
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if not filters <= FILTERS:
        raise ValueError(f"its {name} is packed by filters that are not known: {sorted(filters)}")
    chunks = _list_chunks(array)
    places = {chunk.chunk_offset for chunk in chunks}
    if len(chunks) != wanted or len(places) != wanted:
        raise ValueError(f"its {name} has {len(places)} chunks in the file instead of {wanted}")
    for offset in places:
        inside = all(0 <= at < n for at, n in zip(offset, array.shape, strict=True))
        if not inside or any(at % m for at, m in zip(offset, array.chunks, strict=True)):
            raise ValueError(f"a chunk of its {name} lies outside of {array.shape}")
    if any(chunk.filter_mask or (not filters and chunk.size != of_chunk) for chunk in chunks):
        raise ValueError(f"a chunk of its {name} is not packed as the others are")
    if h5py.h5z.FILTER_FLETCHER32 in filters and any(chunk.size <= CHECKSUM for chunk in chunks):
        raise ValueError(f"a chunk of its {name} has no room for its checksum")
    if overlap(_chunk_spans(chunks)):
        raise ValueError(f"chunks of its {name} lie over each other")
    refuse_bomb(wanted * of_chunk, sum(chunk.size for chunk in chunks))


def _list_chunks(array: h5py.Dataset) -> list[Any]:
    chunks: list[Any] = []
    array.id.chunk_iter(chunks.append)
    return chunks


def _chunk_spans(chunks: Iterable[Any]) -> list[tuple[int, int]]:
    return [(chunk.byte_offset, chunk.byte_offset + chunk.size) for chunk in chunks]


def _texts(names: list[bytes]) -> list[str]:
    return [name.decode(errors="backslashreplace") for name in names]


def _check_place(array: h5py.Dataset, name: str) -> None:
    """Refuses numbers where the file describes itself: the address is damaged."""
    base = array.file.userblock_size
    taken = [(base, base + HEADER)]  # the superblock
    for group in (array.file, array.parent):
        links = [group.id.links.get_info(link) for link in group.id]
        addresses = [link.u for link in links if link.type == h5py.h5l.TYPE_HARD]
        taken += [(base + address, base + address + HEADER) for address in addresses]
    if overlap([*dict.fromkeys(taken), *storage_spans(array)]):
        raise ValueError(f"its {name} lies over the header of an object of the file")


def _end(path: str) -> int:
    """The length of a file by its superblock, which may lie behind a block of the user's."""
    with open(path, "rb") as file:
        start, head = 0, file.read(SUPERBLOCK)
        while len(head) == SUPERBLOCK and not head.startswith(SIGNATURE):
            start = 2 * start or 512
            file.seek(start)
            head = file.read(SUPERBLOCK)
    if len(head) < SUPERBLOCK or head[8] > 3:
        raise ValueError("is no HDF5 file, or a damaged one")
    version, width = head[8], head[13] if head[8] < 2 else head[9]
    offset = (24, 28, 12, 12)[version] + 2 * width
    return int.from_bytes(head[offset : offset + width], "little")
