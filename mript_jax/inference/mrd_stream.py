"""Messages of the MRD streaming protocol, as Gadgetron, OpenRecon and others speak it.

A message is a number of 2 bytes and what belongs to it: text with its length, a line of k-space or
an image with a header of fixed size.
"""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from mript_jax.data.mrd import HEAD
from mript_jax.errors import UserError
from mript_jax.inference.save.mrd import HEAD as IMAGE_HEAD

CONFIG_FILE, CONFIG_TEXT, HEADER, CLOSE, TEXT = 1, 2, 3, 4, 5
ACQUISITION, IMAGE, WAVEFORM = 1008, 1022, 1026
NAME_LENGTH = 1024  # of a configuration file's name, filled up with zeros
WAVEFORM_HEAD = struct.Struct("<H6xQIIIHHfHxx")
IMAGE_ITEMS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4, 6: 8, 7: 8, 8: 16}  # bytes of each data type
MOST_BYTES = 2**28  # of one message


class Line(NamedTuple):
    """A line of k-space."""

    head: np.void  # of data/mrd.py: HEAD
    traj: np.ndarray  # float32
    data: np.ndarray  # float32, real and imaginary parts in turn


class Stream(Protocol):
    """A connection, or a file, that is read and written in bytes."""

    def read(self, size: int, /) -> bytes: ...

    def write(self, content: bytes, /) -> int: ...

    def flush(self) -> None: ...


Read = Callable[[int], bytes]


def read_message(stream: Stream) -> tuple[int, Any]:
    """The next message: its number, and its content; CLOSE where the client has hung up.

    The content is a text, a Line, or None of messages that a reconstruction does not need.
    """
    start = stream.read(2)
    if not start:
        return CLOSE, None
    number = int.from_bytes(start + _exactly(stream, 2 - len(start)), "little")
    if number not in READ:
        raise UserError(f"message {number} is not one of the MRD protocol's: {sorted(READ)}")
    return number, READ[number](lambda size: _exactly(stream, size))


def write_text(stream: Stream, text: str, number: int = TEXT) -> None:
    """Send a text, or with another number a header or a configuration."""
    content = text.encode() + b"\0"
    stream.write(struct.pack("<HI", number, len(content)) + content)


def write_image(stream: Stream, head: np.void, attributes: str, image: np.ndarray) -> None:
    """Send an image [H, W] with the header and the attributes of inference/save/mrd.py."""
    text = attributes.encode()
    stream.write(struct.pack("<H", IMAGE) + head.tobytes() + struct.pack("<Q", len(text)) + text)
    stream.write(np.ascontiguousarray(image, "<f4").tobytes())


def write_close(stream: Stream) -> None:
    """Say that this was all."""
    stream.write(struct.pack("<H", CLOSE))


def _exactly(stream: Stream, size: int) -> bytes:
    if size > MOST_BYTES:
        raise UserError(f"a message names {size} bytes; at most {MOST_BYTES} are read")
    content = stream.read(size)
    if len(content) < size:
        raise UserError(f"the connection ended within a message ({len(content)} of {size} bytes)")
    return content


def _nothing(read: Read) -> None:
    return None


def _name(read: Read) -> str:
    return _text_of(read(NAME_LENGTH))


def _text(read: Read) -> str:
    (length,) = struct.unpack("<I", read(4))
    return _text_of(read(length))


def _line(read: Read) -> Line:
    (head,) = np.frombuffer(read(HEAD.itemsize), HEAD)
    samples = int(head["number_of_samples"])
    traj = read(4 * samples * int(head["trajectory_dimensions"]))
    data = read(8 * samples * int(head["active_channels"]))
    return Line(head, np.frombuffer(traj, "<f4"), np.frombuffer(data, "<f4"))


def _image(read: Read) -> None:
    """Images are not reconstructed: they are read and left out."""
    (head,) = np.frombuffer(read(IMAGE_HEAD.itemsize), IMAGE_HEAD)
    (length,) = struct.unpack("<Q", read(8))
    read(length)
    kind = int(head["data_type"])
    if kind not in IMAGE_ITEMS:
        raise UserError(f"an image has data of the unknown type {kind}")
    width, height, depth = (int(n) for n in head["matrix_size"])
    read(IMAGE_ITEMS[kind] * int(head["channels"]) * width * height * depth)


def _waveform(read: Read) -> None:
    """Waveforms, such as of the pulse, are left out."""
    *_, samples, channels, _, _ = WAVEFORM_HEAD.unpack(read(WAVEFORM_HEAD.size))
    read(4 * samples * channels)


def _text_of(content: bytes) -> str:
    return content.split(b"\0", 1)[0].decode(errors="replace")


READ: dict[int, Callable[[Read], Any]] = {
    CONFIG_FILE: _name,
    CONFIG_TEXT: _text,
    HEADER: _text,
    CLOSE: _nothing,
    TEXT: _text,
    ACQUISITION: _line,
    IMAGE: _image,
    WAVEFORM: _waveform,
}
