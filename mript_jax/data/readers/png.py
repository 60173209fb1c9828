"""PNG's own checks, which Pillow leaves out: checksums of all chunks, and as many rows as named."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by color type
PASSES = (  # of interlacing: first column and row, steps of both
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)),
    (0, 1, 1, 2),
)


def check_png(data: bytes) -> None:
    """Refuses a PNG file that is damaged anywhere, as a ValueError."""
    header, packed, place, kind = b"", [], len(SIGNATURE), b""
    while place < len(data) and kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, place)
        body, end = data[place + 8 : place + 8 + length], place + 12 + length
        if end > len(data) or zlib.crc32(kind + body) != struct.unpack_from(">I", data, end - 4)[0]:
            raise ValueError(f"its part {kind!r} is damaged (its checksum does not fit)")
        if (kind == b"IHDR") != (not header):
            raise ValueError("its header is not its first part")
        header = header or body
        packed += [body] if kind == b"IDAT" else []
        place = end
    if kind != b"IEND":
        raise ValueError("it has no end")
    expected = _unpacked_bytes(*struct.unpack(">IIBBBBB", header))
    unpacker = zlib.decompressobj()
    found = len(unpacker.decompress(b"".join(packed), expected + 1))
    if found != expected or not unpacker.eof:
        raise ValueError(f"its pixels take {expected} bytes; it holds {found} or more")


def _unpacked_bytes(
    width: int, height: int, depth: int, color: int, packing: int, filters: int, interlaced: int
) -> int:
    """Number of bytes that the pixels take, with the byte before each row."""
    if color not in CHANNELS or packing or filters or interlaced > 1:
        raise ValueError("its header names a color type or packing that PNG does not have")
    bits, total = depth * CHANNELS[color], 0
    for left, top, right, down in PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        total += rows * (1 + (columns * bits + 7) // 8) if columns > 0 else 0
    return total
