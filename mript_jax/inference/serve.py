"""A server that reconstructs what an MRD client streams, and streams the images back.

One client at a time, as the protocol has it: configuration, header, lines of k-space, close; then
the images and close. What is wrong with a scan is said in a line, to the client too, and the next
client is served.
"""

import contextlib
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from ml_collections import ConfigDict

from mript_jax.data.mrd import ACQUISITION
from mript_jax.data.readers import open_source
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.errors import UserError
from mript_jax.inference.methods import UNTRAINED, Method
from mript_jax.inference.mrd_stream import ACQUISITION as LINE
from mript_jax.inference.mrd_stream import (
    CLOSE,
    HEADER,
    Line,
    Stream,
    read_message,
    write_close,
    write_image,
    write_text,
)
from mript_jax.inference.pipeline import reconstruct_volume
from mript_jax.inference.provenance import Provenance
from mript_jax.inference.save.mrd import image_headers
from mript_jax.inference.trust import with_warnings
from mript_jax.inference.volumes import ReconstructedVolume, iterate_volumes

SILENCE = 300.0  # seconds without a byte after which a client is given up
LINES = 256  # that are kept in memory before they are written
MOST_BYTES = 2**34  # of a scan
Reconstruct = Callable[[str, Sequence[Record]], ReconstructedVolume]  # of a volume's name

FULLY_SAMPLED = {"zero_filled": UNTRAINED["zero_filled"]}  # nothing is missing: no method is needed


def serve(
    host: str,
    port: int,
    methods: Mapping[str, Method],
    provenances: Mapping[str, Provenance] | None = None,
    *,
    config: ConfigDict | None = None,
) -> None:
    """Serve client after client, for ever. Port 0: one that is free.

    With the config of the network among the methods, clients are warned of scans that are unlike
    its training data.
    """
    with socket.create_server((host, port)) as listener:
        print(f"listening on {host}:{listener.getsockname()[1]}", flush=True)
        while True:
            client, address = listener.accept()
            who = f"{address[0]}:{address[1]}"
            serve_client(client, who, methods, provenances, config=config)


def serve_client(
    client: socket.socket,
    name: str,
    methods: Mapping[str, Method],
    provenances: Mapping[str, Provenance] | None = None,
    *,
    config: ConfigDict | None = None,
) -> None:
    """Answer one client and close the connection; a client that is gone is the end, no error."""
    with client, contextlib.suppress(OSError):  # it may hang up at any time
        client.settimeout(SILENCE)
        with client.makefile("rwb") as stream:
            _answer(stream, name, partial(_reconstruct, methods, provenances, config))


def _answer(stream: Stream, name: str, reconstruct: Reconstruct) -> None:
    """Read one scan from a stream and write its images to it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.h5"
        try:
            print(f"{name}: {receive_scan(stream, path)} lines", flush=True)
            images = _send_images(stream, name, path, reconstruct)
            print(f"{name}: {images} images sent", flush=True)
        except Exception as error:  # whatever a client sends, the next one is served
            text = " ".join(str(error).replace(str(path), "the scan").split())
            if not isinstance(error, (UserError, OSError)):
                text = f"{type(error).__name__}: {text}"
            print(f"error: {name}: {text}", file=sys.stderr, flush=True)
            write_text(stream, f"error: {text}")
    write_close(stream)
    stream.flush()


def receive_scan(stream: Stream, path: Path) -> int:
    """Write what comes until the close as an ISMRMRD file; the number of lines of k-space."""
    header, count, size = "", 0, 0
    waiting: list[Line] = []
    with h5py.File(path, "w") as file:
        table = file.create_dataset(
            "dataset/data", (0,), ACQUISITION, maxshape=(None,), chunks=(LINES,)
        )
        while True:
            number, content = read_message(stream)
            if number == HEADER:
                header = content
            elif number == LINE:
                waiting.append(content)
                count, size = count + 1, size + content.data.nbytes
                if size > MOST_BYTES:
                    raise UserError(f"the scan is larger than {MOST_BYTES} bytes")
            if waiting and (number == CLOSE or len(waiting) == LINES):
                _append(table, waiting)
                waiting = []
            if number == CLOSE:
                break
        if not header or not count:
            lacks = "line of k-space" if header else "header"
            raise UserError(f"no {lacks} came before the close")
        file.create_dataset("dataset/xml", data=[header], dtype=h5py.string_dtype())
    return count


def _append(table: h5py.Dataset, lines: list[Line]) -> None:
    rows = np.zeros(len(lines), ACQUISITION)
    for row, line in zip(rows, lines, strict=True):
        row["head"], row["traj"], row["data"] = line
    table.resize(len(table) + len(rows), axis=0)
    table[-len(rows) :] = rows


def _send_images(stream: Stream, client: str, path: Path, reconstruct: Reconstruct) -> int:
    """Send the images of a scan after the warnings of it; the number of images."""
    count = 0
    for name, records in iterate_volumes(open_source("ismrmrd", str(path))):
        result = reconstruct(name, records)
        for line in result.warnings():
            print(f"warning: {client}: {line}", file=sys.stderr, flush=True)
            write_text(stream, f"warning: {line}")
        for volume in result.by_method():
            heads, texts = image_headers(volume)
            for head, text, image in zip(heads, texts, volume.reconstruction, strict=True):
                head["image_index"] = count = count + 1
                write_image(stream, head, text, image)
        stream.flush()
    return count


def _reconstruct(
    methods: Mapping[str, Method],
    provenances: Mapping[str, Provenance] | None,
    config: ConfigDict | None,
    name: str,
    records: Sequence[Record],
) -> ReconstructedVolume:
    chosen = FULLY_SAMPLED if _is_fully_sampled(records) else methods
    result = reconstruct_volume(chosen, records, None, name, provenances=provenances)
    return result if config is None else with_warnings(result, config)


def _is_fully_sampled(records: Sequence[Record]) -> bool:
    """By the first slice that can be read."""
    for number in range(len(records)):
        with contextlib.suppress(BrokenRecord):
            mask = records[number].mask
            return mask is None or bool(np.all(mask))
    return False
