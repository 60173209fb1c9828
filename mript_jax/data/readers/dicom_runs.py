"""Run lengths in DICOM (RLE Lossless), unpacked to as many pixels as the header names, no more.

pydicom's own decoder drops the pixels beyond them, so that a picture with fewer rows comes out of a
damaged header. This one is a plugin of pydicom's; importing the module adds it.
"""

import struct

import numpy as np
from pydicom.pixels.decoders import RLELosslessDecoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import RLELossless

PLUGIN = "mript_jax"
DECODER_DEPENDENCIES: dict[str, tuple[str, ...]] = {RLELossless: ()}
HEADER = struct.Struct("<16L")  # number of segments, where each starts
REPEATED, NOTHING = 129, 128  # from here on a byte says how often the next one comes; no byte does


def is_available(uid: str) -> bool:
    return uid in DECODER_DEPENDENCIES


def decode_frame(packed: bytes, runner: DecodeRunner) -> bytes:
    """The gray pixels of a frame in little-endian order; a segment holds a byte of each."""
    count, *starts = HEADER.unpack_from(packed)
    pixels, width = runner.rows * runner.columns, runner.bits_allocated // 8
    if count != width:
        raise ValueError(f"has {count} segments of run lengths instead of {width}")
    ends = [*starts[1:count], len(packed)]
    planes = [_unpack(packed[a:b]) for a, b in zip(starts, ends, strict=False)]
    for plane in planes:
        if len(plane) not in (pixels, pixels + 1):  # some writers make the number even
            raise ValueError(f"unpacks to {len(plane)} pixels instead of {pixels}")
    # [pixels, width]: the highest byte is in the first segment
    return np.stack([np.frombuffer(plane, np.uint8, pixels) for plane in planes[::-1]], 1).tobytes()


def _unpack(segment: bytes) -> bytes:
    parts, at = [], 0
    while at < len(segment) - 1:  # a last byte alone makes the length even
        length = segment[at]
        if length >= REPEATED:
            parts.append(segment[at + 1 : at + 2] * (257 - length))
            at += 2
        elif length < NOTHING:
            parts.append(segment[at + 1 : at + 2 + length])
            at += 2 + length
        else:
            at += 1
    return b"".join(parts)


if PLUGIN not in RLELosslessDecoder.available_plugins:
    RLELosslessDecoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))
