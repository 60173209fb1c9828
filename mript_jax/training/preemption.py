"""Preemption: SIGTERM, which clusters send before they take a machine back.

The step that runs is finished (of data that is waited for, none is begun), then training/loop.py
saves and stops, and commands/train.py exits with status 143, by which a scheduler knows that the
run is to be started again.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import jax
from jax.experimental import multihost_utils


class Preempted(BaseException):
    """SIGTERM where the process waits for data, which may never come."""


class Preemption:
    """`preemption(step)`, called at every step: True if the run has to save and stop.

    A single process handles SIGTERM itself. With several, JAX informs all processes when one gets
    the signal and chooses a step that none has passed, at which all of them stop.
    """

    def __init__(self):
        self._preempted = self._raises = False
        # JAX's own signal handler, which informs the other processes, must not be replaced.
        main = threading.current_thread() is threading.main_thread()
        self._handles = main and jax.process_count() == 1

    def __call__(self, step: int) -> bool:
        if jax.process_count() > 1:
            return multihost_utils.reached_preemption_sync_point(step)
        return self._preempted

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """Inside, a single process raises Preempted at SIGTERM."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def __enter__(self) -> "Preemption":
        if self._handles:
            self._before = signal.signal(signal.SIGTERM, self._handle)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._handles:
            signal.signal(signal.SIGTERM, self._before)

    def _handle(self, *_: Any) -> None:
        self._preempted = True
        if self._raises:
            raise Preempted
