"""Checks of what a file says of itself, made before anything of that size is allocated.

A defect is a ValueError whose text goes behind the file's name.
"""

import struct
import zlib

UNREADABLE = (  # what libraries raise of damaged files
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    *(RuntimeError, SyntaxError, AssertionError, struct.error, zlib.error),
)
HARMLESS_BYTES = 2**26  # unpack whatever the ratio
LARGEST_RATIO = 100  # of unpacked to packed bytes; pictures and k-space stay far below


def refuse_bomb(unpacked: int, packed: int) -> None:
    """Refuses content that would grow out of all proportion."""
    if unpacked > HARMLESS_BYTES and unpacked > LARGEST_RATIO * packed:
        raise ValueError(f"{packed} bytes would unpack to {unpacked}: a decompression bomb")
