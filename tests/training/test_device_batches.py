"""Batches one step ahead of the devices, and the bound on steps in flight."""

import numpy as np
import pytest

from mript_jax.training import loop
from mript_jax.training.device_batches import DeviceBatches, StepsInFlight
from mript_jax.training.sharding import batch_sharding, build_mesh


class Numbers:
    """A pipeline of the batches 0, 1, 2, and then an error."""

    def __init__(self):
        self.taken = 0

    def __next__(self):
        if self.taken == 3:
            raise ValueError("no more")
        self.taken += 1
        return {"x": np.full((8, 2), self.taken - 1)}

    def get_state(self):
        return {"next_example": 8 * self.taken}

    def last_names(self, which=-1):
        return [f"batch {self.taken + which}"]


@pytest.fixture
def batches():
    return DeviceBatches(Numbers(), batch_sharding(build_mesh("data:8")), 8)


def test_prefetched_batch_is_sharded_and_changes_neither_position_nor_names(batches):
    for number in range(3):
        batch = next(batches)
        assert (np.asarray(batch["x"]) == number).all()
        assert len(batch["x"].sharding.device_set) == 8
        for _ in range(2):
            assert batches.position() == {"next_example": 8 * (number + 1)}
            assert batches.names() == [f"batch {number}"]
            if batches._pipeline.taken == number + 1:
                batches.prefetch()
    assert batches.names() == ["batch 2"]  # the error of the next one is not raised yet
    with pytest.raises(ValueError, match="no more"):
        next(batches)


def test_steps_in_flight_are_at_most_as_many_as_said():
    finished = []

    class Step:
        def __init__(self, number):
            self.number = number

        def block_until_ready(self):
            finished.append(self.number)

    in_flight = StepsInFlight(2)
    for number in range(5):
        in_flight({"loss": Step(number)})
        assert finished == list(range(number - 1))


def test_training_waits_for_steps_before_it_dispatches_more(quick_config, tmp_path, monkeypatch):
    seen = []

    class Counted(StepsInFlight):
        def __call__(self, metrics):
            super().__call__(metrics)
            seen.append(len(self._unfinished))

    monkeypatch.setattr(loop, "StepsInFlight", Counted)
    loop.train(quick_config(total_steps=4, log_every_steps=4), tmp_path)
    assert seen == [1, 2, 2, 2]
