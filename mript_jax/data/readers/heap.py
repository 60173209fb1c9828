"""Values of variable length in HDF5 files, read without the HDF5 library.

Files keep them in global heaps: collections of numbered objects, which a table's entry names by
length, address and number. On a damaged collection the library loops for ever or dies; here it is a
ValueError. Layouts that scanners' tools do not write (compressed tables) go through the library.
"""

import mmap
import struct
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from mript_jax.data.readers.hdf5 import overlap, storage_spans

ENTRY = struct.Struct("<IQI")  # of a value: elements, address of the collection, number in it
SIGNATURE = b"GCOL\1\0\0\0"
WIDTHS = (1, 2, 4, 8, 16)  # bytes of an element
COLLECTION = struct.Struct("<4sB3xQ")  # signature, version, bytes in all
OBJECT = struct.Struct("<HHIQ")  # number, references, reserved, bytes; padded to 8 bytes
ATTRIBUTE = struct.Struct("<BxHHH")  # version, bytes of the name, of the type, of the shape
VARIABLE = 9  # class of types
NAMES = struct.Struct("<4sB3xQQQ")  # signature, version, bytes, first that is free, address
NAMES_SIGNATURE = b"HEAP\0\0\0\0"
CELL = 8  # bytes, of which a name takes a whole number


class Heaps:
    """The global heaps of a file."""

    def __init__(self, file: h5py.File):
        with Path(file.filename).open("rb") as opened:
            self._bytes = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        self._base = file.userblock_size  # of the addresses in a file
        self._collections: dict[int, dict[int, tuple[int, int]]] = {}

    def close(self) -> None:
        self._bytes.close()

    def value(self, position: int, itemsize: int) -> bytes:
        """The value of the entry at a position of the file."""
        elements, address, number = ENTRY.unpack(self._part(position, ENTRY.size))
        if elements == 0:
            return b""
        address += self._base
        if address not in self._collections:
            self._collections[address] = self._objects(address)
        start, size = self._collections[address].get(number, (0, -1))
        if elements * itemsize > size:
            raise ValueError(f"its heap at {address} has no {elements} elements of number {number}")
        return self._part(start, elements * itemsize)

    def text(self, array: h5py.Dataset) -> bytes | str:
        """The one text of an array."""
        name, kind = array.name.rpartition("/")[2], h5py.check_string_dtype(array.dtype)
        if kind is None or array.size != 1:
            raise ValueError(f"its {name} is {array.dtype} {list(array.shape)}, not one text")
        rows = Rows(array)
        if kind.length is None and rows.direct:
            return self.value(rows.position(0), 1)
        return np.ravel(array[()])[0]

    def array(self, position: int, like: np.ndarray, step: int) -> np.ndarray:
        """As many numbers as `like` has, from a position of the file on, `step` bytes apart."""
        end = position + (len(like) - 1) * step + like.itemsize
        part = self._part(position, end - position)
        return np.ndarray(like.shape, like.dtype, part, strides=(step,))

    def check_beside(
        self,
        arrays: Iterable[h5py.Dataset],
        attributes: Iterable[str] = (),
        names: Iterable[bytes] = (),
    ) -> None:
        """Refuse a damaged collection anywhere beside the numbers of some arrays.

        The library follows attributes into collections without telling into which, and writes
        over memory that is not its own where an entry is shorter than its object. Of `attributes`,
        each a single value, it would take the memory that the entry claims. Of `names`, those of a
        group, it would take any part.
        """
        spans = sorted(span for array in arrays for span in storage_spans(array))
        for at in self._find(SIGNATURE, spans):
            self._collections[at] = self._objects(at)
            (_, _, size) = COLLECTION.unpack(self._part(at, COLLECTION.size))
            spans.append((at, at + size))
        spans.sort()
        if overlap(spans):
            raise ValueError("its arrays and heaps lie over each other")
        for address, objects in self._collections.items():
            for at in self._find(struct.pack("<Q", address - self._base), spans):
                elements, _, number = ENTRY.unpack(self._part(at - 4, ENTRY.size))
                _, size = objects.get(number, (0, -1))
                if elements and number in objects and size not in [elements * w for w in WIDTHS]:
                    raise ValueError(f"its heap at {address} does not hold {elements} elements")
        for name in attributes:
            self._check_attribute(name, spans)
        cells = {at % CELL for at in self._name_heaps(spans)}
        for link in names:
            self._check_name(link, spans, cells)

    def _check_attribute(self, name: str, spans: list[tuple[int, int]]) -> None:
        text = name.encode() + b"\0"
        for at in self._find(text, spans):
            start = max(at - ATTRIBUTE.size, 0)
            version, *sizes = ATTRIBUTE.unpack(self._part(start, ATTRIBUTE.size))
            of_name, of_type, of_shape = (-(-size // 8) * 8 for size in sizes)
            if (version, sizes[0]) != (1, len(text)):  # later versions are under checksums
                continue
            if self._part(at + of_name, 1)[0] % 16 == VARIABLE:
                self.value(at + of_name + of_type + of_shape, 1)

    def _name_heaps(self, spans: list[tuple[int, int]]) -> list[int]:
        """Where the names of groups begin, each with a zero byte in the last cell that it takes."""
        heads = [self._part(at, NAMES.size) for at in self._find(NAMES_SIGNATURE, spans)]
        return [self._base + NAMES.unpack(head)[-1] for head in heads]

    def _check_name(self, name: bytes, spans: list[tuple[int, int]], cells: set[int]) -> None:
        """Refuse a name that begins within another; newer groups have the length before a name."""
        for at in self._find(name, spans):
            before = self._part(max(at - CELL, 0), min(at, CELL))
            if at % CELL in cells and b"\0" in before:
                return
            if before[-1:] == bytes([len(name) % 256]):
                return
        raise ValueError(f"its name {name.decode(errors='replace')!r} is a part of another")

    def _find(self, wanted: bytes, spans: list[tuple[int, int]]) -> list[int]:
        """Where some bytes are, outside of sorted spans of the file."""
        found, last = [], 0
        for start, stop in [*spans, (len(self._bytes), 0)]:
            at = self._bytes.find(wanted, last, start)
            while at >= 0:
                found.append(at)
                at = self._bytes.find(wanted, at + 1, start)
            last = max(last, stop)
        return found

    def _objects(self, address: int) -> dict[int, tuple[int, int]]:
        """number -> position and bytes of the objects of a collection."""
        signature, version, size = COLLECTION.unpack(self._part(address, COLLECTION.size))
        end = address + size
        if signature != b"GCOL" or version != 1 or end > len(self._bytes):
            raise ValueError(f"its heap at {address} is damaged")
        objects, at = {}, address + COLLECTION.size
        while at + OBJECT.size <= end:
            number, _, _, size = OBJECT.unpack(self._part(at, OBJECT.size))
            if number == 0:  # what is free, at the end
                if at + size != end:
                    raise ValueError(f"its heap at {address} is damaged at {at}")
                break
            at += OBJECT.size
            if at + size > end or number in objects:
                raise ValueError(f"its heap at {address} is damaged at {at}")
            objects[number] = (at, size)
            at += -(-size // 8) * 8
        return objects

    def _part(self, start: int, size: int) -> bytes:
        part = self._bytes[start : start + size]
        if len(part) != size:
            raise ValueError(f"its heap leads to {start}, outside of the file")
        return part


class Rows:
    """Positions of the rows of a table [N] in its file; not `direct`: they are not known."""

    def __init__(self, table: h5py.Dataset):
        self._table, properties = table, table.id.get_create_plist()
        self._type, layout = table.id.get_type(), properties.get_layout()
        self._size = self._type.get_size()
        self._start = table.id.get_offset() if layout == h5py.h5d.CONTIGUOUS else None
        chunked = layout == h5py.h5d.CHUNKED and not properties.get_nfilters()
        self.direct = (
            not table.file.userblock_size
            and table.ndim <= 1
            and (self._start is not None or chunked)
        )

    def position(self, row: int, field: str | None = None) -> int:
        """The position in the file of a row, or of a field of it."""
        start, first = self._start, 0
        if start is None:
            first = row - row % self._table.chunks[0]
            start = self._table.id.get_chunk_info_by_coord((first,)).byte_offset
        if start is None:
            raise ValueError(f"its row {row} was never written")
        return start + (row - first) * self._size + (self._inside(field) if field else 0)

    def column(self, field: str, heaps: Heaps) -> np.ndarray:
        """A field of fixed size of all rows."""
        member = self._type.get_member_type(self._type.get_member_index(field.encode()))
        count = len(self._table)
        step = count if self._start is not None else self._table.chunks[0]
        column = np.empty(count, member.dtype)
        for first in range(0, count, step):
            part = column[first : first + step]
            part[:] = heaps.array(self.position(first, field), part, self._size)
        return column

    def _inside(self, field: str) -> int:
        return self._type.get_member_offset(self._type.get_member_index(field.encode()))
