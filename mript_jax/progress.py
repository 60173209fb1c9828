"""The remaining time of long work, on standard error."""

import sys
import time
from datetime import timedelta
from typing import TextIO

EVERY = 30.0  # seconds between lines, where no terminal keeps one up to date


class Progress:
    """A line that says how much of some files is done, and how long the rest will take."""

    def __init__(self, files: int, stream: TextIO | None = None):
        self._files, self._stream = files, stream or sys.stderr
        self._start = self._said = time.monotonic()
        self._number, self._slices, self._done, self._width = 0, 1, 0, 0

    def begin(self, slices: int) -> None:
        """The next file, of so many slices."""
        self._number, self._slices, self._done = self._number + 1, max(slices, 1), 0

    def advance(self, slices: int) -> None:
        """So many more slices of the file are done."""
        self._done += slices
        share = (self._number - 1 + min(self._done / self._slices, 1)) / self._files
        now = time.monotonic()
        terminal = self._stream.isatty()
        if share >= 1 or (now - self._said < EVERY and not terminal):
            return
        left = timedelta(seconds=round((now - self._start) * (1 - share) / share))
        text = f"file {self._number} of {self._files}, slice {self._done} of {self._slices}"
        text += f", {left} left"
        self._said = now
        self.hide()
        self._width = len(text) if terminal else 0
        print(text, end="" if terminal else "\n", file=self._stream, flush=True)

    def hide(self) -> None:
        """Clear the line, before other lines are written."""
        if self._width:
            print(f"\r{' ' * self._width}\r", end="", file=self._stream, flush=True)
            self._width = 0
