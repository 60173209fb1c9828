"""A warning when the step compiles again: at scale that takes minutes and should happen once."""

import sys
from typing import Any

import jax

from mript_jax.batch import Batch

COMPILED = "/jax/core/compile/backend_compile_duration"  # JAX's name of the event


class Recompilation:
    """While entered, `check` after each step tells on stderr what compiled since the first one."""

    def __init__(self):
        self._seconds, self._first = 0.0, True

    def __enter__(self) -> "Recompilation":
        jax.monitoring.register_event_duration_secs_listener(self._note)
        return self

    def __exit__(self, *_: Any) -> None:
        jax.monitoring.unregister_event_duration_listener(self._note)

    def begin(self) -> None:
        """What compiles before the step (a validation, say) is not its doing."""
        self._seconds = 0.0

    def check(self, number: int, batch: Batch) -> None:
        """Warns if something compiled since `begin`, except in the first step."""
        if self._seconds and not self._first and jax.process_index() == 0:
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in batch.items())
            print(
                f"warning: step {number} was compiled again, which took {self._seconds:.1f} s; "
                f"its batch: {shapes}. Batches of one shape compile once",
                file=sys.stderr,
            )
        self._first = False

    def _note(self, event: str, duration_secs: float, **_: str | int) -> None:
        if event == COMPILED:
            self._seconds += duration_secs
