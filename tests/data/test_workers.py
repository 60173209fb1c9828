import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mript_jax.data.workers import WorkerBatches
from mript_jax.errors import UserError


class Numbers:
    """Batch n holds n; some go wrong."""

    def __init__(self, wrong=None):
        self.wrong = wrong

    def __getitem__(self, number):
        if number == self.wrong:
            raise UserError(f"batch {number} is wrong")
        kspace = np.full((2, 1, 5), number - 2j, np.complex64)
        image = np.full((2, 3), number, np.float32)
        return {"image": image, "kspace": kspace, "index": np.array([number, -1])}


def take(batches, count):
    return [int(next(batches)["index"][0]) for _ in range(count)]


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_batches_come_in_order_from_any_start(workers):
    batches = WorkerBatches(Numbers(), 5, workers, 2)
    for number in range(5, 25):
        batch = next(batches)
        assert batch["image"].dtype == np.float32 and (batch["image"] == number).all()
        assert batch["kspace"].dtype == np.complex64 and (batch["kspace"] == number - 2j).all()
        assert batch["index"].tolist() == [number, -1]
    batches.close()


def test_a_batch_stays_as_it_is_while_others_are_taken():
    batches = WorkerBatches(Numbers(), 0, 1, 1)
    kept = [next(batches) for _ in range(6)]
    assert [int(batch["index"][0]) for batch in kept] == list(range(6))
    batches.close()


def test_worker_errors_are_raised_at_their_batch():
    batches = WorkerBatches(Numbers(wrong=4), 0, 2, 2)
    assert take(batches, 4) == [0, 1, 2, 3]
    with pytest.raises(UserError, match="batch 4 is wrong"):
        next(batches)
    batches.close()


def test_a_killed_worker_does_not_hang_the_run():
    batches = WorkerBatches(Numbers(), 0, 1, 2)
    take(batches, 2)
    (child,) = multiprocessing.active_children()
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(UserError, match="exit code -9"):
        take(batches, 10)
    batches.close()


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.slow)])
def test_workers_go_on_when_all_processes_of_a_run_are_asked_to_end(name):
    batches = WorkerBatches(Numbers(), 0, 2, 2)
    take(batches, 3)  # one of each worker
    children = multiprocessing.active_children()
    for child in children:
        os.kill(child.pid, signal.Signals[name])
    assert take(batches, 20) == list(range(3, 23))
    assert all(child.is_alive() for child in children)
    batches.close()
    assert not multiprocessing.active_children()


def test_python_ends_although_workers_ignore_sigterm():
    code = """
import multiprocessing, weakref
weakref.finalize(multiprocessing, print)  # as other libraries do: its exit comes last from now on
import numpy as np
from mript_jax.data.workers import WorkerBatches

class Zeros:
    def __getitem__(self, number):
        return {"image": np.zeros(3)}

batches = WorkerBatches(Zeros(), 0, 1, 1)
for _ in range(3):
    next(batches)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_workers_end_with_their_iterator():
    batches = WorkerBatches(Numbers(), 0, 2, 2)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    del batches
    deadline = time.time() + 120
    while multiprocessing.active_children() and time.time() < deadline:
        time.sleep(0.01)
    assert not multiprocessing.active_children()


class Growing:
    """Batch n holds n % 4 numbers."""

    def __getitem__(self, number):
        return {"image": np.full((number % 4, 2), number, np.float32)}


def test_batches_of_several_shapes_go_through_blocks_for_the_largest():
    batches = WorkerBatches(Growing(), 0, 2, 2, largest=3)
    for number in range(12):
        image = next(batches)["image"]
        assert image.shape == (number % 4, 2) and (image == number).all()
    batches.close()
