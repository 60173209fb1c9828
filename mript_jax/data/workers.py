"""Batches made ahead by worker processes and handed over in order, through shared memory.

Each worker writes into a few blocks of memory in turn. Making new ones for every batch, as Grain
does, took as long as making the batch.
"""

import itertools
import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Any

import cloudpickle
import numpy as np

from mript_jax.batch import Batch
from mript_jax.data.memory import keep_freed_memory
from mript_jax.data.threads import use_one_blas_thread
from mript_jax.errors import UserError

ALIGNMENT = 64  # bytes
PATIENCE = 1.0  # seconds between looks at whether the other side still lives

Layout = dict[str, tuple[int, tuple[int, ...], str]]  # field -> (offset, shape, dtype)


class WorkerBatches:
    """batches[start], batches[start + 1] and so on, each made by the next of several processes.

    The first is made in this process and tells how large they are, unless `largest` is the number
    of a batch that no other exceeds. So many batches `ahead` wait in each worker. What goes wrong
    in a worker is raised where its batch is taken.
    """

    def __init__(
        self,
        batches: Sequence[Batch],
        start: int,
        workers: int,
        ahead: int,
        largest: int | None = None,
    ):
        pickled = cloudpickle.dumps(batches)  # Grain's datasets hold functions
        self._first: Batch | None = batches[start]
        _, size = _layout(self._first if largest is None else batches[largest])
        context = multiprocessing.get_context("spawn")
        team = []
        for index in range(workers):
            receive, send = context.Pipe(duplex=False)
            memory, free = context.RawArray("b", size * ahead), context.Semaphore(ahead)
            numbers = itertools.count(start + 1 + index, workers)
            arguments = (pickled, numbers, memory, size, free, send)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            send.close()
            team.append((process, receive, memory, _blocks(memory, size), free))
        self._turns = itertools.cycle(team)
        # Not __del__: when Python ends, it would find what it needs already gone. Nor weakref's:
        # multiprocessing may come first, ask the workers with SIGTERM to end, and wait for ever.
        processes = [process for process, *_ in team]
        self._stop = Finalize(self, _stop, (processes,), exitpriority=0)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._first is not None:
            batch, self._first = self._first, None
            return batch
        process, receive, memory, blocks, free = next(self._turns)
        layout = _wait(process, receive)
        slot = _slot(memory, next(blocks), layout)
        batch = {name: array.copy() for name, array in slot.items()}
        free.release()
        return batch

    def close(self) -> None:
        """Ends the workers."""
        self._stop()


def _work(
    pickled: bytes,
    numbers: Iterator[int],
    memory: Any,
    size: int,
    free: Any,
    send: Connection,
) -> None:
    # Clusters and terminals may signal all processes: the one that takes the batches decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    keep_freed_memory()
    use_one_blas_thread()
    blocks = _blocks(memory, size)
    try:
        batches = cloudpickle.loads(pickled)
        for number in numbers:
            while not free.acquire(timeout=PATIENCE):
                parent = multiprocessing.parent_process()
                if parent is None or not parent.is_alive():
                    return
            batch = batches[number]
            layout, needed = _layout(batch)
            assert needed <= size, f"batch {number} needs {needed} bytes of {size}"
            slot = _slot(memory, next(blocks), layout)
            for name, array in batch.items():
                slot[name][...] = array
            send.send(layout)
    except Exception as error:
        send.send(error)


def _wait(process: Any, receive: Connection) -> Layout:
    """Until the worker has written its next batch; how it lies in its block."""
    try:
        while not receive.poll(PATIENCE):
            if not process.is_alive():
                raise EOFError
        said = receive.recv()
    except EOFError:
        process.join()
        raise UserError(
            f"a process that prepares data ended with exit code {process.exitcode} "
            "(out of memory?); config.data.workers says how many there are"
        ) from None
    if isinstance(said, Exception):
        raise said
    return said


def _stop(processes: Iterable[Any]) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.join()


def _layout(batch: Batch) -> tuple[Layout, int]:
    """Where each field lies in a block, and the size of the block."""
    layout, size = {}, 0
    for name, array in batch.items():
        layout[name] = (size, array.shape, array.dtype.str)
        size += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    return layout, size


def _blocks(memory: Any, size: int) -> Iterator[int]:
    """Where the blocks of a worker begin, in turn, without end."""
    return itertools.cycle(range(0, len(memory), size))


def _slot(memory: Any, block: int, layout: Layout) -> dict[str, np.ndarray]:
    """A block as a batch."""
    return {
        name: np.ndarray(shape, dtype, memory, block + offset)
        for name, (offset, shape, dtype) in layout.items()
    }
