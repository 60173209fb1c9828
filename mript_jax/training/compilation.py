"""Warning about recompilation of the step: at scale it takes minutes and should happen once."""

import sys
from typing import Any

import jax

from mript_jax.batch import Batch

COMPILED = "/jax/core/compile/backend_compile_duration"  # JAX's name of the event


class Recompilation:
    """Context in which `check` after each step warns on stderr if the step was recompiled."""

    def __init__(self):
        self._seconds, self._first = 0.0, True

    def __enter__(self) -> "Recompilation":
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        return self

    def __exit__(self, *_: Any) -> None:
        jax.monitoring.unregister_event_duration_listener(self._listen)

    def begin(self) -> None:
        """Start of a step: compilation before it, such as a validation's, does not count."""
        self._seconds = 0.0

    def check(self, number: int, batch: Batch) -> None:
        """Warn if something was compiled since `begin`, except in the first step."""
        if self._seconds and not self._first and jax.process_index() == 0:
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in batch.items())
            print(
                f"warning: step {number} was compiled again, which took {self._seconds:.1f} s; "
                f"its batch: {shapes}. Batches of one shape compile once",
                file=sys.stderr,
            )
        self._first = False

    def _listen(self, event: str, duration_secs: float, **_: str | int) -> None:
        if event == COMPILED:
            self._seconds += duration_secs
