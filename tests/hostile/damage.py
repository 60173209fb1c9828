"""Damage to the bytes of a file, whatever its format; a seed gives the same damage again."""

import random
from collections.abc import Sequence

NUMBERS = (0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF)
WIDE = (0, 1, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)

Ranges = Sequence[range]


def damage_bytes(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    """Damaged bytes, and the name of the damage. Most hits are beside `dull` ranges."""
    return rng.choices(ALL, WEIGHTS)[0](data, rng, dull)


def within(before: bytes, after: bytes, ranges: Ranges) -> bool:
    """Return True if the two differ in these ranges alone; one without end may grow or shrink."""
    ends = max((span.stop for span in ranges), default=0) > len(before)
    if len(before) != len(after) and not ends:
        return False
    start = 0
    for span in sorted(ranges, key=lambda span: span.start):
        if before[start : span.start] != after[start : span.start]:
            return False
        start = max(start, span.stop)
    return ends or before[start:] == after[start:]


def _place(size: int, rng: random.Random, dull: Ranges) -> int:
    place = rng.randrange(size)
    for _ in range(40 if rng.random() < 0.8 else 0):
        if not any(place in span for span in dull):
            break
        place = rng.randrange(size)
    return place


def _flip_bits(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        damaged[_place(len(data), rng, dull)] ^= 1 << rng.randrange(8)
    return bytes(damaged), "flipped bits"


def _set_bytes(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = _place(len(data), rng, dull)
        value = rng.choice(NUMBERS) if rng.random() < 0.5 else rng.randrange(256)
        damaged[place] = value
    return bytes(damaged), "other bytes"


def _set_number(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    width = rng.choice((2, 4, 8))
    number = (rng.choice(WIDE) % 2 ** (8 * width)).to_bytes(width, rng.choice(("little", "big")))
    place = _place(len(data), rng, dull)
    place -= place % rng.choice((1, width))
    return (data[:place] + number + data[place + width :])[: len(data)], "another number"


def _cut(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    if rng.random() < 0.5:
        return data[: rng.randrange(len(data))], "cut short"
    return data[: len(data) - min(len(data), rng.randint(1, 64))], "end cut off"


def _remove(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    start, length = _block(data, rng, dull)
    return data[:start] + data[start + length :], "removed block"


def _insert(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    start, length = _block(data, rng, dull)
    filling = rng.choice((rng.randbytes(length), bytes(length)))
    return data[:start] + filling + data[start:], "inserted bytes"


def _append(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    return data + rng.randbytes(rng.choice((1, 2, 16, 500))), "bytes at the end"


def _repeat(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    start, length = _block(data, rng, dull)
    block = data[start : start + length] * rng.choice((1, 1, 3))
    return data[:start] + block + data[start:], "repeated block"


def _copy(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    (start, length), to = _block(data, rng, dull), _place(len(data), rng, dull)
    block = data[start : start + length]
    return (data[:to] + block + data[to + len(block) :])[: len(data)], "block written elsewhere"


def _swap(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    length = rng.choice((1, 2, 4, 8, 16, 64))
    one, two = sorted(_place(len(data), rng, dull) for _ in range(2))
    if two - one < length or two + length > len(data):
        return _flip_bits(data, rng, dull)
    first, second = data[one : one + length], data[two : two + length]
    swapped = data[:one] + second + data[one + length : two] + first + data[two + length :]
    return swapped, "swapped blocks"


def _blank(data: bytes, rng: random.Random, dull: Ranges) -> tuple[bytes, str]:
    start, length = _block(data, rng, dull)
    length = min(length, len(data) - start)
    filling = rng.choice((b"\0", b"\xff")) * length
    return data[:start] + filling + data[start + length :], "blanked block"


def _block(data: bytes, rng: random.Random, dull: Ranges) -> tuple[int, int]:
    return _place(len(data), rng, dull), rng.choice((1, 2, 4, 8, 13, 64, 512))


ALL = (
    *(_flip_bits, _set_bytes, _set_number, _cut, _remove, _insert),
    *(_append, _repeat, _copy, _swap, _blank),
)
WEIGHTS = (8, 6, 6, 2, 2, 2, 1, 2, 2, 3, 2)
