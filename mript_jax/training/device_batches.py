"""Batches on the devices, one step ahead, and a bound on how far the host runs ahead of them."""

import collections
import time
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

from mript_jax.data.pipeline import Pipeline

MOST_IN_FLIGHT = 2  # steps that are dispatched and not finished


class DeviceBatches:
    """The batches of a pipeline, sharded over the devices.

    `prefetch()` starts the transfer of the next batch, for the time in which a step runs. What a
    checkpoint or a message says of the data is that of the batch which was handed out last.
    """

    def __init__(self, pipeline: Pipeline, sharding: NamedSharding, batch_size: int):
        self._pipeline, self._sharding, self._batch_size = pipeline, sharding, batch_size
        self._next: dict[str, jax.Array] | None = None
        self._error: Exception | None = None
        self._position = pipeline.get_state()
        self._waiting = 0.0
        self.waited = 0.0  # seconds for the pipeline, for the batch that was handed out last

    def __next__(self) -> dict[str, jax.Array]:
        if self._next is None:
            self.prefetch()
        if self._error is not None:
            raise self._error
        batch, self._next = self._next, None
        assert batch is not None
        self._position = self._pipeline.get_state()
        self.waited = self._waiting
        return batch

    def prefetch(self) -> None:
        """Take the next batch and start its transfer; an error waits until the batch is due."""
        began = time.perf_counter()
        try:
            local = next(self._pipeline)
        except Exception as error:
            self._error = error
            return
        self._waiting = time.perf_counter() - began
        self._next = {name: self._spread(np.asarray(value)) for name, value in local.items()}

    def position(self) -> dict[str, int]:
        """The position in the data after the batch that was handed out last."""
        return self._position

    def names(self) -> list[str]:
        """Volume and slice of each example of the batch that was handed out last."""
        return self._pipeline.last_names(-1 if self._next is None else -2)

    def _spread(self, value: np.ndarray) -> jax.Array:
        shape = (self._batch_size, *value.shape[1:])
        return jax.make_array_from_process_local_data(self._sharding, value, shape)


class StepsInFlight:
    """Wait for a step before too many later ones are dispatched.

    Without it the host dispatches dozens of steps ahead, and SIGTERM is answered only when the
    devices have finished them all.
    """

    def __init__(self, most: int = MOST_IN_FLIGHT):
        self._most = most
        self._unfinished: collections.deque[Any] = collections.deque()

    def __call__(self, metrics: Any) -> None:
        """Note a step that was dispatched, by its metrics; returns when few are left."""
        self._unfinished.append(metrics)
        while len(self._unfinished) > self._most:
            jax.block_until_ready(self._unfinished.popleft())
