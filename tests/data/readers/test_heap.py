"""Global heaps of HDF5 files, and damage to them on which the HDF5 library loops or dies."""

import contextlib
import struct

import h5py
import numpy as np
import pytest

from mript_jax.data.readers.heap import Heaps, Rows

TEXTS = [b"first", b"another one", b"", b"xyz"]
ROW = np.dtype([("head", "<u4"), ("data", h5py.vlen_dtype(np.dtype("<f4")))])


@pytest.fixture
def path(tmp_path):
    """Texts in an array, and one in an attribute of another."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        texts = file.create_dataset("texts", len(TEXTS), h5py.vlen_dtype(np.uint8))
        for i, text in enumerate(TEXTS):
            texts[i] = np.frombuffer(text, np.uint8)
        file["numbers"] = np.arange(100.0)
        file["numbers"].attrs["unit"] = "millimetre"
    return tmp_path / "a.h5"


def position_of(data, text):
    """Where the heap's object of a text is: number, references, reserved, bytes, text."""
    (found,) = (i for i in range(len(data)) if data[i:].startswith(text))
    return found - 16


def values(path):
    with h5py.File(path) as file:
        heaps, rows = Heaps(file), Rows(file["texts"])
        assert rows.direct
        try:
            return [heaps.value(rows.position(i), 1) for i in range(len(TEXTS))]
        finally:
            heaps.close()


def check(path):
    with h5py.File(path) as file:
        heaps = Heaps(file)
        try:
            heaps.check_beside([file["numbers"]])
        finally:
            heaps.close()


def test_values_are_those_that_were_written(path):
    assert values(path) == TEXTS
    check(path)


@pytest.mark.parametrize("options", [{}, {"chunks": (3,)}], ids=str)
def test_columns_and_values_of_a_table_are_those_of_the_library(tmp_path, options):
    rows = np.zeros(8, ROW)
    for i in range(8):
        rows[i]["head"], rows[i]["data"] = i * i, np.arange(i, dtype=np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        table = file.create_dataset("table", data=rows, **options)
        file.flush()
        heaps, places = Heaps(file), Rows(table)
        np.testing.assert_array_equal(places.column("head", heaps), rows["head"])
        for i in range(8):
            stored = heaps.value(places.position(i, "data"), 4)
            np.testing.assert_array_equal(np.frombuffer(stored, "<f4"), rows[i]["data"])
        heaps.close()


def test_rows_that_were_never_written_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        table = file.create_dataset("table", 8, "f4", chunks=(3,))
        table[0] = 1
        assert Rows(table).position(2) > 0
        with pytest.raises(ValueError, match="its row 3 was never written"):
            Rows(table).position(3)


def object_size(data, size):
    struct.pack_into("<Q", data, position_of(data, b"first") + 8, size)


def object_number(data, new):
    struct.pack_into("<H", data, position_of(data, b"first"), new)


def collection_size(data, size):
    struct.pack_into("<Q", data, data.index(b"GCOL") + 8, size)


def entry(data, elements=5, address=None, number=1):
    """Another entry in place of that of the first text."""
    home = data.index(b"GCOL")
    place = data.index(struct.pack("<IQI", 5, home, 1))
    struct.pack_into("<IQI", data, place, elements, home if address is None else address, number)


OBJECTS = {  # of a collection: whoever reads it has to walk over them
    "endless objects": (lambda data: object_number(data, 0), r"is damaged at \d+"),
    "object beyond the end": (lambda data: object_size(data, 2**40), r"is damaged at \d+"),
    "object of all bits": (lambda data: object_size(data, 2**64 - 1), r"is damaged at \d+"),
    "number twice": (lambda data: object_number(data, 2), r"is damaged at \d+"),
    "collection beyond the file": (lambda data: collection_size(data, 2**50), "is damaged$"),
}
ENTRIES = {
    "longer than its object": (lambda data: entry(data, elements=500), "has no 500 elements"),
    "of no object": (lambda data: entry(data, number=77), "has no 5 elements of number 77"),
    "elsewhere": (lambda data: entry(data, address=2**45), "outside of the file"),
    "no heap": (lambda data: entry(data, address=0), "is damaged$"),
}


def damage(path, edit):
    data = bytearray(path.read_bytes())
    edit(data)
    path.write_bytes(data)


@pytest.mark.parametrize("name", [*OBJECTS, *ENTRIES])
def test_values_of_a_damaged_heap_are_refused(path, name):
    edit, why = (OBJECTS | ENTRIES)[name]
    damage(path, edit)
    with pytest.raises(ValueError, match=f"its heap .*{why}"):
        values(path)


@pytest.mark.parametrize("name", OBJECTS)
def test_damaged_heaps_are_found_whoever_uses_them(path, name):
    edit, why = OBJECTS[name]
    damage(path, edit)
    with pytest.raises(ValueError, match=f"its heap .*{why}"):
        check(path)


@pytest.mark.parametrize("elements", [4, 10, 2**32 - 1])
@pytest.mark.parametrize("address", [None, 2**40, 2**64 - 1])
@pytest.mark.parametrize("base", [0, 512])
def test_attributes_lead_to_values_of_their_length(tmp_path, elements, address, base):
    """Of the longest the library took 4 GiB, and 5 seconds."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", userblock_size=base) as file:
        file.attrs["unit"] = "millimetre"
        file["numbers"] = np.arange(100.0)
    data = bytearray(path.read_bytes())
    home = data.index(b"GCOL") - base
    place = data.index(struct.pack("<IQI", 10, home, 1))
    struct.pack_into("<IQ", data, place, elements, home if address is None else address)
    path.write_bytes(data)
    with h5py.File(path) as file, contextlib.closing(Heaps(file)) as heaps:
        if (elements, address) == (10, None):
            heaps.check_beside([file["numbers"]], ["unit"])
            return
        with pytest.raises(ValueError, match="its heap"):
            heaps.check_beside([file["numbers"]], ["unit"])


def test_attribute_shorter_than_its_object_is_found(path):
    """The library copies the whole object into the memory of the shorter one."""

    def shorten(data):
        size = len(b"millimetre")
        at = position_of(data, b"millimetre")
        number = struct.unpack_from("<H", data, at)[0]
        heap = data.rindex(b"GCOL", 0, at)
        place = data.index(struct.pack("<IQI", size, heap, number))
        struct.pack_into("<I", data, place, 3)

    damage(path, shorten)
    with pytest.raises(ValueError, match="does not hold 3 elements"):
        check(path)


@pytest.mark.parametrize("options", [{}, {"libver": "latest"}, {"track_order": True}], ids=str)
def test_names_begin_behind_the_end_of_others(tmp_path, options):
    names = [b"header", b"kspace", *(b"more%d" % i for i in range(10))]
    with h5py.File(tmp_path / "a.h5", "w", **options) as file:
        for name in names:
            file[name] = np.arange(8.0)
    with h5py.File(tmp_path / "a.h5") as file, contextlib.closing(Heaps(file)) as heaps:
        heaps.check_beside(file.values(), names=names)
        with pytest.raises(ValueError, match="its name 'pace' is a part of another"):
            heaps.check_beside(file.values(), names=[b"pace"])


def test_arrays_that_lie_over_heaps_are_refused(path):
    with h5py.File(path) as file:
        start = file["numbers"].id.get_offset()
    data = path.read_bytes()
    end = data.rindex(b"GCOL") + 4096  # of what is free in it
    path.write_bytes(data.replace(struct.pack("<QQ", start, 800), struct.pack("<QQ", end - 5, 800)))
    with pytest.raises(ValueError, match="lie over each other"):
        check(path)


def test_arrays_that_lie_over_each_other_are_refused(path):
    with (
        h5py.File(path) as file,
        contextlib.closing(Heaps(file)) as heaps,
        pytest.raises(ValueError, match="lie over each other"),
    ):
        heaps.check_beside([file["numbers"], file["numbers"]])
