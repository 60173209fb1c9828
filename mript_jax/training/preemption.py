"""Whether a run was asked to end: SIGTERM, as clusters send it before they take a machine back."""

import signal
import threading
from typing import Any

import jax
from jax.experimental import multihost_utils


class Preemption:
    """`preemption(step)`, called at every step: True where the run has to save and leave.

    A single process listens for SIGTERM itself. Of several, JAX tells all once one of them was
    asked, and names a step that none has passed: all leave together.
    """

    def __init__(self):
        self._asked = False
        # JAX's own listener must not be replaced: it is the one that tells the other processes.
        main = threading.current_thread() is threading.main_thread()
        self._listens = main and jax.process_count() == 1

    def __call__(self, step: int) -> bool:
        if jax.process_count() > 1:
            return multihost_utils.reached_preemption_sync_point(step)
        return self._asked

    def __enter__(self) -> "Preemption":
        if self._listens:
            self._before = signal.signal(signal.SIGTERM, self._ask)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._listens:
            signal.signal(signal.SIGTERM, self._before)

    def _ask(self, *_: Any) -> None:
        self._asked = True
