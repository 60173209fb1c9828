"""HDF5 files whose storage contradicts what they say; the library itself reads most of them."""

import zlib

import h5py
import numpy as np
import pytest

from mript_jax.data.readers.hdf5 import check_stored, find_array, list_names, open_hdf5

NUMBERS = np.arange(24, dtype=np.float32).reshape(4, 6)


def write(path, name="a", **options):
    with h5py.File(path, "w") as file:
        file.create_dataset(name, **({"data": NUMBERS} | options))
    return path


def check(path):
    with open_hdf5(str(path)) as file:
        array = find_array(file, "a")
        check_stored(array)
        return array[()]


def chunks_of(path):
    with h5py.File(path) as file:
        stored = file["a"].id
        return [stored.get_chunk_info(i) for i in range(stored.get_num_chunks())]


def replace(path, before, after):
    """Other bytes in the one place where some are."""
    data = path.read_bytes()
    assert len(before) == len(after) and data.count(before) == 1
    path.write_bytes(data.replace(before, after))


def number(value, size=8):
    return value.to_bytes(size, "little")


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("userblock_size", [0, 512, 2048])
def test_length_of_a_file_is_that_of_its_superblock(tmp_path, libver, userblock_size):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=libver, userblock_size=userblock_size) as file:
        file["a"] = NUMBERS
    np.testing.assert_array_equal(check(path), NUMBERS)
    whole = path.read_bytes()
    for damaged in (whole + b"\0", whole[:-1], whole[:-1000]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"has {len(damaged)} bytes instead of {len(whole)}"):
            open_hdf5(str(path))


@pytest.mark.parametrize(
    "content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" * 99, b"x" * 9999]
)
def test_other_files_are_no_hdf5(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(ValueError, match="is no HDF5 file"):
        open_hdf5(str(tmp_path / "a.h5"))


STORED = ({}, {"chunks": (2, 4)}, {"chunks": (1, 6), "compression": "gzip", "shuffle": True})


@pytest.mark.parametrize("options", STORED, ids=str)
def test_sound_arrays_pass(tmp_path, options):
    np.testing.assert_array_equal(check(write(tmp_path / "a.h5", **options)), NUMBERS)


def gap(path):
    write(path, data=None, shape=(4, 6), dtype="f4", chunks=(1, 6))
    with h5py.File(path, "a") as file:
        file["a"][1:3] = NUMBERS[1:3]


def many(path):
    write(path, data=None, shape=(2**40,), dtype="f4", chunks=(1,))


def moved_chunk(path):
    """The last chunk where the first one is."""
    first, *_, last = chunks_of(write(path, chunks=(1, 6)))
    replace(path, number(last.byte_offset), number(first.byte_offset))


def chunk_elsewhere(path, row):
    """The key of the B-tree's last chunk names another row."""
    write(path, chunks=(1, 6))
    size, mask = number(24, 4), number(0, 4)
    replace(path, size + mask + number(3) + number(0), size + mask + number(row) + number(0))


def other_size(path):
    """A chunk that is longer than it is."""
    write(path, chunks=(1, 6))
    replace(
        path, number(24, 4) + number(0, 4) + number(3), number(48, 4) + number(0, 4) + number(3)
    )


def skipped_filter(path):
    write(path, chunks=(1, 6), compression="gzip")
    with h5py.File(path, "a") as file:
        file["a"].id.write_direct_chunk((2, 0), NUMBERS[2].tobytes(), 1)


def foreign_filter(path):
    write(path, chunks=(1, 6), compression="gzip")
    name = b"deflate\0"  # behind its number, the length of its name, flags and a count
    replace(
        path,
        number(1, 2) + number(8, 2) + number(1, 2) + number(1, 2) + name,
        number(77, 2) + number(8, 2) + number(1, 2) + number(1, 2) + name,
    )


def bomb(path):
    write(path, data=None, shape=(2**25,), dtype="f4", chunks=(2**25,), compression="gzip")
    with h5py.File(path, "a") as file:
        file["a"].id.write_direct_chunk((0,), zlib.compress(bytes(2**20), 1))


def short_checksum(path):
    write(path, chunks=(1, 6), fletcher32=True)
    with h5py.File(path, "a") as file:
        file["a"].id.write_direct_chunk((2, 0), b"abc")


def short_storage(path):
    with h5py.File(write(path)) as file:
        start = file["a"].id.get_offset()
    replace(path, number(start) + number(96), number(start) + number(88))


def fewer_columns(path):
    """One of the two places that name the sizes of an array that cannot grow."""
    write(path, chunks=(4, 6))
    whole = number(4) + number(6)
    replace(path, whole + whole, number(4) + number(1) + whole)


def over_superblock(path):
    start = chunks_of(write(path, chunks=(4, 6)))[0].byte_offset
    replace(path, number(start), number(0))


def over_header(path):
    """An array whose bytes begin where the file's list of names lies."""
    with h5py.File(write(path, data=np.zeros(300))) as file:
        start, header = file["a"].id.get_offset(), h5py.h5o.get_info(file["a"].id).addr
    replace(path, number(start) + number(2400), number(header - 8) + number(2400))


def odd_bits(path):
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(126)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((4, 6))
        h5py.h5d.create(file.id, b"a", kind, space).write(h5py.h5s.ALL, h5py.h5s.ALL, NUMBERS)


BREAK = {
    "gap": (gap, "has 2 chunks in the file instead of 4"),
    "many chunks": (many, "would have 1099511627776 chunks"),
    "moved chunk": (moved_chunk, "chunks of its a lie over each other"),
    "outside": (lambda path: chunk_elsewhere(path, 9), "lies outside of"),
    "twice": (lambda path: chunk_elsewhere(path, 2), "has 3 chunks in the file instead of 4"),
    "other size": (other_size, "is not packed as the others are"),
    "skipped filter": (skipped_filter, "is not packed as the others are"),
    "foreign filter": (foreign_filter, r"filters that are not known: \[77\]"),
    "short checksum": (short_checksum, "no room for its checksum"),
    "bomb": (bomb, "decompression bomb"),
    "short storage": (short_storage, "has 88 bytes in the file instead of 96"),
    "fewer columns": (fewer_columns, r"has the shape \(4, 1\), but declares \(4, 6\)"),
    "over the superblock": (over_superblock, "lies over the header of an object"),
    "over a header": (over_header, "lies over the header of an object"),
    "odd bits": (odd_bits, "is of unusual numbers"),
}


@pytest.mark.parametrize("damage", BREAK)
def test_storage_that_contradicts_the_array_is_refused(tmp_path, damage):
    path = tmp_path / "a.h5"
    BREAK[damage][0](path)
    with pytest.raises(ValueError, match=BREAK[damage][1]):
        check(path)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("track_order", [False, True])
def test_names_of_a_file_are_listed_in_order(tmp_path, libver, track_order):
    with h5py.File(tmp_path / "a.h5", "w", libver=libver, track_order=track_order) as file:
        for name in ("kspace", "a", "ismrmrd_header", "größe"):
            file[name] = 1
        assert list_names(file) == [b"a", "größe".encode(), b"ismrmrd_header", b"kspace"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (b"bcd\0", b"bcd\2", r"names \['bcd\\x02'\] are damaged"),
        (b"bcd\0", b"Bcd\0", "list of names is damaged"),  # not in order any more
        (b"bcd\0", b"abc\0", "list of names is damaged"),  # twice
    ],
)
def test_names_that_no_writer_gives_are_refused(tmp_path, before, after, why):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["abc"] = file["bcd"] = 1
    replace(tmp_path / "a.h5", before, after)
    with h5py.File(tmp_path / "a.h5") as file, pytest.raises(ValueError, match=why):
        list_names(file)
