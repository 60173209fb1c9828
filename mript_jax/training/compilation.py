"""Warning about recompilation of the step: at scale it takes minutes and should happen once."""

import sys
from typing import Any

import jax

from mript_jax.batch import Batch

COMPILED = "/jax/core/compile/backend_compile_duration"  # JAX's name of the event


class Recompilation:
    """Context in which `check` after each step warns on stderr if the step was recompiled.

    `shapes` is the number of shapes that batches may have: the first step of each compiles.
    """

    def __init__(self, shapes: int = 1):
        self._seconds, self._shapes = 0.0, shapes
        self._seen: set[tuple] = set()

    def __enter__(self) -> "Recompilation":
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        return self

    def __exit__(self, *_: Any) -> None:
        jax.monitoring.unregister_event_duration_listener(self._listen)

    def begin(self) -> None:
        """Start of a step: compilation before it, such as a validation's, does not count."""
        self._seconds = 0.0

    def check(self, number: int, batch: Batch) -> None:
        """Warn if something was compiled since `begin`, except in the first step of each shape."""
        shape = tuple(value.shape for value in batch.values())
        expected = shape not in self._seen and len(self._seen) < self._shapes
        self._seen.add(shape)
        if self._seconds and not expected and jax.process_index() == 0:
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in batch.items())
            print(
                f"warning: step {number} was compiled again, which took {self._seconds:.1f} s; "
                f"its batch: {shapes}. Batches of one shape compile once",
                file=sys.stderr,
            )

    def _listen(self, event: str, duration_secs: float, **_: str | int) -> None:
        if event == COMPILED:
            self._seconds += duration_secs
