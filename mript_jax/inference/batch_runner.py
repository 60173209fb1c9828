"""A model on batches of slices: few sizes of them, since each compiles, shared by the devices."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from ml_collections import ConfigDict

from mript_jax.batch import Batch
from mript_jax.models import build_model
from mript_jax.side_by_side import slice_by_slice
from mript_jax.target import target_of, traced_for

BATCH_SIZE = 8  # slices that are reconstructed together
ON_CPUS = {"xla_backend_optimization_level": 1}  # compiles in 0.7 to 0.85 of the time, runs as fast
BATCH_SAMPLES = 2**24  # of k-space in a batch: large scans of many coils go slice by slice


class BatchRunner:
    """A model with its weights, called on batches."""

    def __init__(self, config: ConfigDict, params: Any):
        self.model = build_model(config.model)
        self._devices = jax.local_devices()
        self.params = jax.device_put(params)
        self._replicas: dict[int, Any] = {1: self.params}  # by the number of devices

        def predict(params: Any, batch: Batch) -> tuple[jax.Array, jax.Array]:
            with jax.default_matmul_precision(config.matmul_precision):
                found: Any = self.model.apply(
                    {"params": params}, batch, method="predict_with_residual"
                )
            return found

        on_cpu = self._devices[0].platform == "cpu"
        self.predict = jax.jit(predict, compiler_options=ON_CPUS if on_cpu else None)

    def __call__(
        self, batch: dict[str, np.ndarray], masks: np.ndarray, task: Mapping[str, Any]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the images [B, H, W] of a batch and the residuals [B], NaN where there are none.

        The batch is shared by the devices of this process, or by the cores of its CPU.
        """
        of_slices = {
            **batch,
            "mask": masks,
            **{name: np.full(len(masks), value) for name, value in task.items()},
        }
        images, residuals = slice_by_slice(self._together, of_slices)
        return images, residuals

    def _together(self, batch: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """A batch, filled up to one of few sizes, on as many devices as it has slices."""
        count = len(batch["mask"])
        padded: Batch = {name: _filled_up(array) for name, array in batch.items()}
        devices = self._devices[: min(_batch_size(count), _largest_power(len(self._devices)))]
        mesh = Mesh(np.asarray(devices), ("data",))
        if len(devices) not in self._replicas:
            everywhere = NamedSharding(mesh, P())
            self._replicas[len(devices)] = jax.device_put(self.params, everywhere)
        padded = jax.device_put(padded, NamedSharding(mesh, P("data")))
        with traced_for(target_of(devices)):
            images, residuals = self.predict(self._replicas[len(devices)], padded)
        return np.asarray(images)[:count, ..., 0], np.asarray(residuals)[:count]


def parts_of(members: np.ndarray, samples: int) -> Iterator[np.ndarray]:
    """The members in batches; `samples` of k-space belong to each."""
    size = max(1, min(BATCH_SIZE, BATCH_SAMPLES // samples))
    for start in range(0, len(members), size):
        yield members[start : start + size]


def _batch_size(count: int) -> int:
    """The next power of two: four sizes, rather than one for each number of slices."""
    return 1 << (count - 1).bit_length()


def _largest_power(count: int) -> int:
    """The largest power of two up to `count`."""
    return 1 << (count.bit_length() - 1)


def _filled_up(array: np.ndarray) -> np.ndarray:
    missing = _batch_size(len(array)) - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array
