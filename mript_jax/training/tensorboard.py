"""TensorBoard's event file, written in the thread that calls: its errors are raised there.

tensorboardX's own SummaryWriter writes in a thread, which a full disk ends with a traceback.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

FLUSH_SECONDS = 30.0  # between writings to disk


class EventFile:
    """Write scalars and images by step; those of earlier files after step `start` are hidden."""

    def __init__(self, folder: Path, start: int):
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        self._flushed = time.monotonic()
        self._write(start, session_log=SessionLog(status=SessionLog.START))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._write(step, summary=summary.scalar(name, value))

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """An image [H, W] with values from 0 to 1."""
        self._write(step, summary=summary.image(name, image[None]))

    def close(self) -> None:
        self._writer.close()

    def _write(self, step: int, **content: object) -> None:
        self._writer.write_event(Event(step=step, wall_time=time.time(), **content))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._writer.flush()
            self._flushed = time.monotonic()
