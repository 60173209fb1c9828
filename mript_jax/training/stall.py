"""Waiting for data: a folder that does not answer is named while the run waits for it."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

PATIENCE = 60.0  # seconds of waiting that are told


class StallWatch:
    """`with watch.waiting():` around what may block; a thread says so if it does for long.

    The run goes on by itself when the data comes.
    """

    def __init__(self, place: str):
        self._place = place
        self._since: float | None = None
        self._told = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "StallWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()
        self._thread.join()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        self._told, self._since = False, time.monotonic()
        try:
            yield
        finally:
            waited, self._since = time.monotonic() - self._since, None
            if self._told:
                print(f"waited {waited:.0f} s for data", file=sys.stderr, flush=True)

    def _watch(self) -> None:
        while not self._ended.wait(PATIENCE / 10):
            since = self._since
            if since and time.monotonic() - since > PATIENCE and not self._told:
                self._told = True
                print(
                    f"no data for {PATIENCE:.0f} s: does {self._place} answer? The run waits for "
                    "it; SIGTERM ends it and loses nothing",
                    file=sys.stderr,
                    flush=True,
                )
