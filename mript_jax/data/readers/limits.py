"""Checks of what a file says of itself, made before anything of that size is allocated.

A defect is a ValueError whose text goes behind the file's name.
"""

import math
import os
import struct
import zlib

import h5py

UNREADABLE = (  # what libraries raise of damaged files
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    *(RuntimeError, SyntaxError, AssertionError, struct.error, zlib.error),
)
HARMLESS_BYTES = 2**26  # unpack whatever the ratio
LARGEST_RATIO = 100  # of unpacked to packed bytes; pictures and k-space stay far below
FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf
LARGEST_CHUNK = 2**28  # bytes
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def refuse_bomb(unpacked: int, packed: int) -> None:
    """Refuses content that would grow out of all proportion."""
    if unpacked > HARMLESS_BYTES and unpacked > LARGEST_RATIO * packed:
        raise ValueError(f"{packed} bytes would unpack to {unpacked}: a decompression bomb")


def open_hdf5(path: str) -> h5py.File:
    """An HDF5 file that is as long as it says: neither cut short nor grown by foreign bytes."""
    _check_length(path)
    return h5py.File(path, "r")


def hdf5_array(group: h5py.Group, name: str) -> h5py.Dataset:
    """An array that lies whole in this file, and whose parts unpack to what they should."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link to somewhere else, not an array")
    array = group[name]
    if not isinstance(array, h5py.Dataset):
        raise ValueError(f"{name} is a {type(array).__name__.lower()}, not an array")
    if array.shape is None:
        raise ValueError(f"{name} is empty")
    if array.is_virtual or array.external:
        raise ValueError(f"{name} keeps its numbers in another file")
    if array.chunks:
        _check_chunks(array, name)
    elif array.id.get_storage_size() not in (array.nbytes, 0 if array.dtype.hasobject else -1):
        stored = array.id.get_storage_size()
        raise ValueError(f"{name} {array.shape} has {stored} bytes in the file, not {array.nbytes}")
    return array


def _check_chunks(array: h5py.Dataset, name: str) -> None:
    chunk_bytes = math.prod(array.chunks) * array.dtype.itemsize
    if chunk_bytes > max(LARGEST_CHUNK, 2 * array.nbytes):
        raise ValueError(f"{name} is kept in chunks of the impossible shape {array.chunks}")
    wanted = math.prod(-(-n // m) for n, m in zip(array.shape, array.chunks, strict=True))
    properties = array.id.get_create_plist()
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    if unknown := set(filters) - FILTERS:
        raise ValueError(f"{name} is packed by filters that are not known: {sorted(unknown)}")
    if wanted > os.path.getsize(array.file.filename) or array.id.get_num_chunks() != wanted:
        raise ValueError(f"{name} has {array.id.get_num_chunks()} chunks in the file, not {wanted}")
    stored = array.id.get_storage_size()
    if not filters and stored != wanted * chunk_bytes:
        raise ValueError(f"{name} has {stored} bytes in the file, not {wanted * chunk_bytes}")
    refuse_bomb(array.nbytes, stored)
    for i in range(wanted) if filters else ():
        chunk = array.id.get_chunk_info(i)
        if chunk.filter_mask:
            raise ValueError(f"a chunk of {name} is not packed as the others are")
        refuse_bomb(chunk_bytes, chunk.size)


def _check_length(path: str) -> None:
    """Compares a file's length with the one in its superblock, for the versions 0 to 3."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = 0
        head = file.read(96)
        while not head.startswith(SIGNATURE):  # it lies behind a user block of 2^n bytes
            start = 2 * start or 512
            if start >= size:
                raise ValueError("is not HDF5")
            file.seek(start)
            head = file.read(96)
    version = head[8] if len(head) == 96 else 255
    if version > 3:
        raise ValueError("is HDF5 of a version that is not known, or damaged")
    width = head[13] if version < 2 else head[9]
    offset = (24 if version == 0 else 28 if version == 1 else 12) + 2 * width
    end = int.from_bytes(head[offset : offset + width], "little")
    if end != size:
        raise ValueError(f"has {size} bytes instead of {end}: it was cut short or overwritten")
