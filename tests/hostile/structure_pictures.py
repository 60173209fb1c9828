"""Damage to PNG, TIFF and JPEG files that leaves the format's framework intact."""

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

SIZES = (0, 1, 7, 8, 100, 8192, 30_000, 2**16, 2**31 - 1, 2**31, 2**32 - 1)

Chunk = tuple[bytes, bytes]


def png_chunks(data: bytes) -> list[Chunk]:
    chunks, place = [], 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def write_png(path: Path, chunks: list[Chunk]) -> None:
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        checked = kind + body
        parts.append(
            struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))
        )
    path.write_bytes(b"".join(parts))


def _png(edit: Callable[[list[Chunk], random.Random], list[Chunk]]) -> Callable:
    def damage(path: Path, rng: random.Random) -> None:
        write_png(path, edit(png_chunks(path.read_bytes()), rng))

    return damage


def _size(chunks: list[Chunk], rng: random.Random) -> list[Chunk]:
    """Another width and height than the pixels have."""
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    size = rng.choice(
        ((rng.choice(SIZES), height), (width, rng.choice(SIZES)), (rng.choice(SIZES),) * 2)
    )
    return [(b"IHDR", struct.pack(">IIBBBBB", *size, *rest)), *chunks[1:]]


def _kind(chunks: list[Chunk], rng: random.Random) -> list[Chunk]:
    """Another bit depth, color type, compression, filter or interlacing."""
    header = bytearray(chunks[0][1])
    header[rng.randint(8, 12)] = rng.choice((0, 1, 2, 3, 4, 6, 7, 8, 16, 32, 255))
    return [(b"IHDR", bytes(header)), *chunks[1:]]


def _bomb(chunks: list[Chunk], rng: random.Random) -> list[Chunk]:
    """Zeros that unpack to as many pixels as the header names."""
    side = rng.choice((2000, 7000, 8000))
    color = rng.choice((0, 2, 6))
    row = 1 + side * {0: 1, 2: 3, 6: 4}[color]
    packer = zlib.compressobj(1)
    body = packer.compress(bytes(row)) + b"".join(packer.compress(bytes(row)) for _ in range(64))
    header = struct.pack(">IIBBBBB", side, side, 8, color, 0, 0, 0)
    return [(b"IHDR", header), (b"IDAT", body + packer.flush()), (b"IEND", b"")]


def _pixels(chunks: list[Chunk], rng: random.Random) -> list[Chunk]:
    """Damage to the packed pixels, under a right checksum of the chunk."""
    place = next(i for i, (kind, _) in enumerate(chunks) if kind == b"IDAT")
    body = bytearray(chunks[place][1])
    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    cut = len(body) if rng.random() < 0.7 else rng.randrange(len(body))
    return [*chunks[:place], (b"IDAT", bytes(body[:cut])), *chunks[place + 1 :]]


def _extra(chunks: list[Chunk], rng: random.Random) -> list[Chunk]:
    """A chunk that does not belong there."""
    kinds = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"tRNS", b"PLTE", b"acTL", b"eXIf", b"gAMA")
    bomb = zlib.compress(bytes(30_000_000), 1) if rng.random() < 0.1 else b""
    body = rng.choice((b"", b"name\0\0" + bomb, rng.randbytes(7), bytes(4), b"\xff" * 900))
    extra = (rng.choice((*kinds, b"IHDR", b"IDAT", b"QQQQ", b"\0\0\0\0")), body)
    place = rng.randint(1, len(chunks))
    return [*chunks[:place], extra, *chunks[place:]]


def _order(chunks: list[Chunk], rng: random.Random) -> list[Chunk]:
    rng.shuffle(chunks)
    return chunks


def _chunk_gone(chunks: list[Chunk], rng: random.Random) -> list[Chunk]:
    del chunks[rng.randrange(len(chunks))]
    return chunks


PNG = {
    f.__name__.strip("_"): _png(f)
    for f in (_size, _kind, _bomb, _pixels, _extra, _order, _chunk_gone)
}
PNG_OTHER_CONTENT = {"kind", "pixels", "bomb", "extra"}


def tiff_entries(data: bytes) -> tuple[int, int]:
    """Where the entries of the first directory begin, and how many there are."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    return start + 2, count


def _tiff_entry(path: Path, rng: random.Random) -> None:
    """Another tag, type, count or value."""
    data = bytearray(path.read_bytes())
    start, count = tiff_entries(bytes(data))
    entry = start + 12 * rng.randrange(count)
    offset, form = rng.choice(((0, "<H"), (2, "<H"), (4, "<I"), (8, "<I"), (8, "<I")))
    small = rng.choice((0, 1, 2, 3, 5, 8, 16, 32, 64, 0x7FFF, 0xFFFF))
    value = small if form == "<H" else rng.choice((*SIZES, small))
    struct.pack_into(form, data, entry + offset, value)
    path.write_bytes(data)


def _tiff_loop(path: Path, rng: random.Random) -> None:
    """A next directory: itself, or somewhere in the file."""
    data = bytearray(path.read_bytes())
    start, count = tiff_entries(bytes(data))
    to = rng.choice((start - 2, rng.randrange(len(data)), 2**32 - 1, len(data)))
    struct.pack_into("<I", data, start + 12 * count, to)
    path.write_bytes(data)


def _tiff_tag(path: Path, rng: random.Random) -> None:
    """A value for one of the tags that tell how pixels are stored."""
    data = bytearray(path.read_bytes())
    start, count = tiff_entries(bytes(data))
    wanted = rng.choice((256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 339))
    for i in range(count):
        (tag,) = struct.unpack_from("<H", data, start + 12 * i)
        if tag == wanted:
            number = rng.choice((0, 1, 2, 3, 4, 5, 7, 8, 16, 32, 50_000, 8192, 65_535))
            struct.pack_into("<I", data, start + 12 * i + 8, number)
    path.write_bytes(data)


TIFF = {"entry": _tiff_entry, "loop": _tiff_loop, "tag": _tiff_tag}
TIFF_OTHER_CONTENT = {"entry", "tag", "loop"}


def jpeg_segments(data: bytes) -> list[tuple[int, int, int]]:
    """(marker, start, stop) of the segments before the packed pixels."""
    found, place = [], 2
    while data[place] == 0xFF:
        (length,) = struct.unpack_from(">H", data, place + 2)
        found.append((data[place + 1], place, place + 2 + length))
        if data[place + 1] == 0xDA:
            break
        place += 2 + length
    return found


def _jpeg_frame(path: Path, rng: random.Random) -> None:
    """Another precision, height, width or number of components."""
    data = bytearray(path.read_bytes())
    frame = next(start for marker, start, _ in jpeg_segments(bytes(data)) if marker == 0xC0)
    offset, form = rng.choice(((4, ">B"), (5, ">H"), (7, ">H"), (9, ">B"), (11, ">B")))
    largest = 255 if form == ">B" else 65_535
    struct.pack_into(form, data, frame + offset, min(rng.choice((*SIZES, 12, 3)), largest))
    path.write_bytes(data)


def _jpeg_marker(path: Path, rng: random.Random) -> None:
    """Another kind of segment, such as progressive or arithmetic coding."""
    data = bytearray(path.read_bytes())
    _, start, _ = rng.choice(jpeg_segments(bytes(data)))
    data[start + 1] = rng.choice((0xC1, 0xC2, 0xC3, 0xC9, 0xD9, 0xD8, 0xDD, 0xFE, 0xE2, 0x01))
    path.write_bytes(data)


def _jpeg_segment(path: Path, rng: random.Random) -> None:
    """A segment twice, gone, or with other bytes."""
    data = path.read_bytes()
    _, start, stop = rng.choice(jpeg_segments(data))
    body = data[start:stop]
    other = body[:4] + rng.randbytes(max(len(body) - 4, 0))
    path.write_bytes(data[:start] + rng.choice((body * 2, b"", other)) + data[stop:])


JPEG = {"frame": _jpeg_frame, "marker": _jpeg_marker, "segment": _jpeg_segment}
JPEG_OTHER_CONTENT = set(JPEG)
