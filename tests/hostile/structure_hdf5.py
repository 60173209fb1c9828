"""Damage to HDF5 files that leaves the format intact: items, types, shapes, storage, attributes.

Each function takes an open file, the name of an array and a generator of random numbers. What it
writes is refused by a careful reader, or is the same content in another form. Those of
`OTHER_CONTENT` write another content that is as good as the first.
"""

import random
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np

from tests.hostile import structure_xml

BOMB_BYTES = 2**25
BOMB = zlib.compress(bytes(BOMB_BYTES), 1)
SECRET = "../secret.h5"  # beside the folder of the data: nothing of it may be read


def damage_hdf5(arrays: Sequence[str], attributes: Sequence[str] = (), xml: str = "") -> dict:
    """name -> function of a path and a generator."""
    table: dict[str, Callable[[Path, random.Random], None]] = {}

    def add(name: str, function: Callable, *, on: Sequence[str]) -> None:
        def damage(path: Path, rng: random.Random) -> None:
            with h5py.File(path, "a") as file:
                function(file, rng.choice(on), rng)

        table[name] = damage

    for function in ARRAY:
        add(function.__name__.strip("_"), function, on=arrays)
    for function in ATTRIBUTE if attributes else ():
        add(function.__name__.strip("_"), function, on=attributes)
    if xml:
        add("xml header", _xml_header, on=[xml])
        add("xml type", _xml_type, on=[xml])
    return table


def _group(file: h5py.File, name: str, rng: random.Random) -> None:
    del file[name]
    group = file.create_group(name)
    group.attrs["shape"] = (3, 4, 5)
    if rng.random() < 0.5:
        group["data"] = np.zeros(3)


def _named_type(file: h5py.File, name: str, rng: random.Random) -> None:
    del file[name]
    file[name] = np.dtype(rng.choice(("c8", "f4", "i4")))


def _soft_link(file: h5py.File, name: str, rng: random.Random) -> None:
    to = rng.choice(("/nowhere", "/" + name, "/moved", "/", ".", "../.."))
    file.move(name, "moved")
    file[name] = h5py.SoftLink(to)


def _external_link(file: h5py.File, name: str, rng: random.Random) -> None:
    del file[name]
    elsewhere = rng.choice((SECRET, "nowhere.h5", "/etc/passwd", "/dev/zero"))
    file[name] = h5py.ExternalLink(elsewhere, name)


def _external_storage(file: h5py.File, name: str, rng: random.Random) -> None:
    shape, dtype = file[name].shape or (3,), file[name].dtype
    if not shape or dtype.hasobject:
        return _group(file, name, rng)
    del file[name]
    elsewhere = rng.choice((SECRET, "nowhere.bin", "/dev/zero", "/etc/passwd"))
    file.create_dataset(name, shape, dtype, external=[(elsewhere, 0, h5py.h5f.UNLIMITED)])


def _virtual(file: h5py.File, name: str, rng: random.Random) -> None:
    shape, dtype = file[name].shape or (3,), file[name].dtype
    if not shape or dtype.hasobject:
        return _group(file, name, rng)
    del file[name]
    layout = h5py.VirtualLayout(shape, dtype)
    layout[...] = h5py.VirtualSource(rng.choice((SECRET, "nowhere.h5")), name, shape)
    file.create_virtual_dataset(name, layout)


def _hard_link(file: h5py.File, name: str, rng: random.Random) -> None:
    file["another name"] = file[name]


def _cycle(file: h5py.File, name: str, rng: random.Random) -> None:
    group = file.create_group("cycle")
    group["up"], group["self"] = file["/"], group


def _more_items(file: h5py.File, name: str, rng: random.Random) -> None:
    file[rng.choice(("\u00e9", "a b", "zzz", "AAA", "x" * 300))] = np.arange(3)
    file.attrs["more"] = "more"


def _other_type(file: h5py.File, name: str, rng: random.Random) -> None:
    array = _values(file, name)
    types = (
        *("i4", "u1", "?", "S4", "f2", ">c8", ">f4", "c16", "f8", "g", "G", "O", "vlen", "enum"),
        *("swapped", "opaque", "array", "strings", "ref"),
    )
    wanted = rng.choice(types)
    del file[name]
    if wanted == "O":
        file[name] = np.array(["text"] * 3, h5py.string_dtype())
    elif wanted == "vlen":
        file.create_dataset(name, array.shape[:1] or (1,), h5py.vlen_dtype(np.float32))
    elif wanted == "enum":
        file.create_dataset(name, array.shape, h5py.enum_dtype({"a": 0, "b": 1}, "i4"))
    elif wanted == "swapped":
        file.create_dataset(name, array.shape, [("i", "<f4"), ("r", "<f4")])
    elif wanted == "opaque":
        file.create_dataset(name, array.shape, "V8")
    elif wanted == "array":
        file.create_dataset(name, array.shape, np.dtype(("f4", (2,))))
    elif wanted == "strings":
        file[name] = "text"
    elif wanted == "ref":
        file.create_dataset(name, array.shape, h5py.ref_dtype)
    elif array.dtype.names:
        file[name] = np.zeros(array.shape, wanted)
    else:
        file[name] = array.astype(wanted)


def _other_shape(file: h5py.File, name: str, rng: random.Random) -> None:
    array = _values(file, name)
    del file[name]
    shapes = [(0,), (), (1,), (0, *array.shape[1:]), (*array.shape, 1, 1, 1), array.shape[::-1]]
    shape = rng.choice(shapes)
    if rng.random() < 0.1:
        file[name] = h5py.Empty(array.dtype)
    else:
        file[name] = np.resize(array, shape)


def _fewer(file: h5py.File, name: str, rng: random.Random) -> None:
    """One array shorter than those it belongs to."""
    array = _values(file, name)
    axis = rng.randrange(max(array.ndim, 1))
    del file[name]
    file[name] = np.delete(array, 0, axis) if array.ndim else np.zeros(3)


def _huge(file: h5py.File, name: str, rng: random.Random) -> None:
    """Sizes of which the file holds nothing."""
    array = _values(file, name)
    if not array.ndim:
        return _group(file, name, rng)
    shape = list(array.shape)
    for axis in rng.sample(range(len(shape)), rng.randint(1, len(shape))):
        shape[axis] = rng.choice((8000, 8192, 2**16, 2**20, 2**31, 2**40))
    del file[name]
    chunks = tuple(min(n, rng.choice((1, 16, 600, 8000))) for n in shape)
    chunks = chunks if np.prod(chunks, dtype=float) * array.dtype.itemsize < 2**31 else None
    if chunks is None and np.prod(shape, dtype=float) * array.dtype.itemsize > 2**62:
        shape[-1] = 8192
        chunks = (1,) * len(shape)
    maximum = (None,) * len(shape) if chunks and rng.random() < 0.5 else None
    file.create_dataset(name, shape, array.dtype, chunks=chunks, maxshape=maximum)


def _bomb(file: h5py.File, name: str, rng: random.Random) -> None:
    """A chunk of zeros or of one number that unpacks to much more than it takes up."""
    array = _values(file, name)
    if not array.ndim or array.dtype.hasobject:
        return _group(file, name, rng)
    width = array.dtype.itemsize
    shape = [3, *[1] * (array.ndim - 3), 2048, BOMB_BYTES // 2048 // width][-max(array.ndim, 2) :]
    del file[name]
    file.create_dataset(
        name, shape, array.dtype, chunks=(1, *shape[1:]), compression="gzip", fillvalue=None
    )
    for i in range(shape[0] if len(shape) > 2 else 1):
        file[name].id.write_direct_chunk((i, *(0,) * (len(shape) - 1)), BOMB)


def _stored_otherwise(file: h5py.File, name: str, rng: random.Random) -> None:
    array = _values(file, name)
    if not array.ndim or array.dtype.hasobject:
        return None
    del file[name]
    filters = rng.choice(
        ({"compression": "gzip"}, {"compression": "lzf"}, {"shuffle": True}, {"fletcher32": True})
    )
    chunks = tuple(rng.randint(1, n) for n in array.shape)
    file.create_dataset(name, data=array, chunks=chunks, maxshape=(None,) * array.ndim, **filters)


def _missing_chunks(file: h5py.File, name: str, rng: random.Random) -> None:
    array = _values(file, name)
    if not array.ndim or array.dtype.hasobject or array.shape[0] < 2:
        return _group(file, name, rng)
    del file[name]
    chunks = (1, *array.shape[1:])
    file.create_dataset(name, array.shape, array.dtype, chunks=chunks)
    file[name][0] = array[0]


def _damaged_chunk(file: h5py.File, name: str, rng: random.Random) -> None:
    array = _values(file, name)
    if not array.ndim or array.dtype.hasobject:
        return _group(file, name, rng)
    del file[name]
    checked = rng.random() < 0.5
    file.create_dataset(
        name,
        data=array,
        chunks=(1, *array.shape[1:]),
        compression="gzip",
        fletcher32=checked,
    )
    where = (rng.randrange(array.shape[0]), *(0,) * (array.ndim - 1))
    _, stored = file[name].id.read_direct_chunk(where)
    stored = bytearray(stored)
    stored[rng.randrange(len(stored))] ^= 0xFF
    file[name].id.write_direct_chunk(where, bytes(stored[: rng.randint(1, len(stored))]), 0)


def _filter_skipped(file: h5py.File, name: str, rng: random.Random) -> None:
    array = _values(file, name)
    if not array.ndim or array.dtype.hasobject:
        return _group(file, name, rng)
    del file[name]
    file.create_dataset(name, data=array, chunks=array.shape, compression="gzip")
    where = (0,) * array.ndim
    _, stored = file[name].id.read_direct_chunk(where)
    file[name].id.write_direct_chunk(where, stored, rng.choice((1, 2, 0xFFFF)))


def _unusable_numbers(file: h5py.File, name: str, rng: random.Random) -> None:
    array = _values(file, name).copy()
    if array.dtype.hasobject or not array.size:
        return _group(file, name, rng)
    array = array.copy()
    floats = array.reshape(-1).view(np.uint8)
    if array.dtype.kind in "fc" or array.dtype.names == ("real", "imag"):
        width = {2: np.float16, 4: np.float32, 8: np.float64}
        real = array.dtype[0] if array.dtype.names else array.real.dtype
        floats = array.reshape(-1).view(width[real.itemsize])
    else:
        array = array.astype(np.float32)
        floats = array.reshape(-1)
    value = rng.choice((np.nan, np.inf, -np.inf))
    for _ in range(rng.choice((1, 1, 5))):
        floats[rng.randrange(len(floats))] = value
    del file[name]
    file[name] = array


def _gone(file: h5py.File, name: str, rng: random.Random) -> None:
    del file[name]


ARRAY = (
    *(_group, _named_type, _soft_link, _external_link, _external_storage, _virtual, _hard_link),
    *(_cycle, _more_items, _other_type, _other_shape, _fewer, _huge, _bomb, _stored_otherwise),
    *(_missing_chunks, _damaged_chunk, _filter_skipped, _unusable_numbers, _gone),
)


def _odd_attribute(file: h5py.File, name: str, rng: random.Random) -> None:
    odd = [
        *(np.arange(3), 1 + 2j, np.array([1j, 2]), b"\xff\xfe", h5py.Empty("f"), file.ref),
        *("", np.zeros((0,)), np.bool_(True), np.longdouble(3), np.void(b"abc")),
        *(["a", "b"], np.zeros((2, 2)), np.array([b"x"]), np.float32(np.nan), "\n", "x" * 60_000),
        *(np.inf, -np.inf, -1.0, 0.0, 1e-300, 2**63, -(2**63), np.bytes_(b"a\0b")),
    ]
    value = rng.choice(odd)
    if name in file.attrs:
        del file.attrs[name]
    file.attrs[name] = value


def _no_attribute(file: h5py.File, name: str, rng: random.Random) -> None:
    if name in file.attrs:
        del file.attrs[name]


ATTRIBUTE = (_odd_attribute, _no_attribute)
OTHER_COUNT = {"fewer", "other_shape", "bomb"}
OTHER_CONTENT = {"odd_attribute", "no_attribute", "gone", "xml header", "bomb", "other_type"}


def _xml_header(file: h5py.File, name: str, rng: random.Random) -> None:
    was = file[name]
    text = np.ravel(was[()])[0]
    damaged = structure_xml.damage_xml(text if isinstance(text, bytes) else text.encode(), rng)
    scalar = was.shape == ()
    del file[name]
    if b"\0" in damaged:
        damaged = damaged.replace(b"\0", b"?")
    file.create_dataset(name, data=damaged if scalar else [damaged], dtype=h5py.string_dtype())


def _xml_type(file: h5py.File, name: str, rng: random.Random) -> None:
    del file[name]
    odd = (3, np.zeros(4), [b"<a/>", b"<b/>"], h5py.Empty("S9"), np.zeros((0,)), b"", 1j)
    file[name] = rng.choice(odd)


def _values(file: h5py.File, name: str) -> np.ndarray:
    return np.asarray(file[name][()])


def write_secret(folder: Path) -> None:
    """Something outside of the folder of the data, under the names that links lead to."""
    with h5py.File(folder / "secret.h5", "w") as file:
        for name in ("kspace", "kspace_full", "mask", "reconstruction_esc", "reconstruction_rss"):
            file[name] = np.ones((3, 16, 8), np.complex64 if "kspace" in name else np.float32)
