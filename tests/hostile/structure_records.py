"""Damage to the records of a sound ArrayRecord shard, under right checksums."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from tests.hostile.structure_tables import ODD

Damage = Callable[[Path, random.Random], None]


def _rewrite(path: Path, edit: Callable[[list[bytes]], list[bytes]], options: str) -> None:
    reader = ArrayRecordReader(str(path))
    records = edit(list(reader.read_all()))
    reader.close()
    path.unlink()
    writer = ArrayRecordWriter(str(path), options)
    for record in records:
        writer.write(record)
    writer.close()


def _of_records(edit: Callable[[list[bytes], random.Random], list[bytes]]) -> Damage:
    def damage(path: Path, rng: random.Random) -> None:
        options = rng.choice(("group_size:1,uncompressed", "group_size:2,zstd:3", "group_size:1"))
        _rewrite(path, lambda records: edit(records, rng), options)

    return damage


def _of_one(edit: Callable[[dict, bytes, random.Random], bytes]) -> Damage:
    """Another header (JSON) or body of one record, sealed as a sound one is."""

    def on_records(records: list[bytes], rng: random.Random) -> list[bytes]:
        place = rng.randrange(len(records))
        data = records[place][:-4]
        (length,) = struct.unpack_from("<I", data)
        edited = edit(json.loads(data[4 : 4 + length]), data[4 + length :], rng)
        records[place] = edited + struct.pack("<I", zlib.crc32(edited))
        return records

    return _of_records(on_records)


def _packed(header: object, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + body


def _field(header: dict, body: bytes, rng: random.Random) -> bytes:
    header[rng.choice(list(header))] = rng.choice((*ODD, float("nan"), 1e999))
    return _packed(header, body)


def _field_gone(header: dict, body: bytes, rng: random.Random) -> bytes:
    del header[rng.choice(list(header))]
    return _packed(header, body)


def _array(header: dict, body: bytes, rng: random.Random) -> bytes:
    """Another name, type or shape of the array."""
    names = ("image", "kspace", "mask", "x", 3, None)
    dtypes = ("|u1", "<f2", "<c8", "O", "|O", "V0", "<U9999999", ">f8", "(2,)f4", "f4,i4", 3, None)
    shapes = ([9, 12], [12, 9], [0], [], [-1, 108], [2**40, 2**40], [9.0, 12], "9", [[9], 12], None)
    entry = [rng.choice(names[:3]), "|u1", [9, 12]]
    place = rng.randrange(3)
    entry[place] = rng.choice((names, dtypes, shapes)[place])
    header["arrays"] = rng.choice(([entry], [entry, entry], header["arrays"] + [entry]))
    return _packed(header, body)


def _whole(header: dict, body: bytes, rng: random.Random) -> bytes:
    deep = b"[" * 100_000
    texts = (b"", b"[]", b"3", b"null", deep, b"\xff\xfe", b'{"arrays": 3}', b"9" * 5000)
    text = rng.choice(texts)
    length = rng.choice((len(text), 0, 2**32 - 1, 3))
    return struct.pack("<I", length) + text + body


def _fewer(records: list[bytes], rng: random.Random) -> list[bytes]:
    return records[: rng.randrange(len(records))]


def _more(records: list[bytes], rng: random.Random) -> list[bytes]:
    return [*records, rng.choice((records[0], b"", b"\0", rng.randbytes(99)))]


def _short(records: list[bytes], rng: random.Random) -> list[bytes]:
    place = rng.randrange(len(records))
    records[place] = records[place][: rng.randrange(len(records[place]))]
    return records


def _bits(records: list[bytes], rng: random.Random) -> list[bytes]:
    place = rng.randrange(len(records))
    data = bytearray(records[place])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    records[place] = bytes(data)
    return records


def _same_otherwise_stored(records: list[bytes], rng: random.Random) -> list[bytes]:
    return records


RECORDS: dict[str, Damage] = {
    **{f.__name__.strip("_"): _of_one(f) for f in (_field, _field_gone, _array, _whole)},
    **{
        f.__name__.strip("_"): _of_records(f)
        for f in (_fewer, _more, _short, _bits, _same_otherwise_stored)
    },
}
RECORDS_OTHER_CONTENT = {"field", "array"}
