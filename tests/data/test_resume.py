"""A run that stops in mid-epoch goes on with exactly the samples that were left."""

import itertools

import numpy as np
import pytest

from mript_jax.config import base_config
from mript_jax.data.pipeline import build_pipeline

BATCH, STOP, END = 8, 2, 5  # 24 slices: three batches are an epoch


def open_pipeline(workers=0, index=0, processes=1):
    config = base_config().data
    config.image_size, config.workers, config.split_fractions = 32, workers, (1.0, 0.0, 0.0)
    config.options.phantom.update({"count": 24, "size": 32})
    return build_pipeline(config, "train", 5, BATCH, index, processes)


def stream(count, state=None, workers=0, processes=1):
    """The next batches from a saved state on, as all processes see them together."""
    parts = []
    for index in range(processes):
        pipeline = open_pipeline(workers, index, processes)
        if state:
            pipeline.set_state(state)
        parts.append(list(itertools.islice(pipeline, count)))
    return [
        {name: np.concatenate([part[name] for part in together]) for name in together[0]}
        for together in zip(*parts, strict=True)
    ]


@pytest.fixture(scope="module")
def state():
    """What a single process saves after so many batches."""
    pipeline = open_pipeline()
    for _ in range(STOP):
        next(pipeline)
    return pipeline.get_state()


@pytest.fixture(scope="module")
def uninterrupted():
    return stream(END)


def same(these, those):
    for one, other in zip(these, those, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    return True


@pytest.mark.parametrize("processes", [1, 2, 4])
@pytest.mark.parametrize(
    "workers", [0, pytest.param(2, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]
)
def test_resumed_stream_is_the_same_for_any_number_of_workers_and_processes(
    uninterrupted, state, workers, processes
):
    assert same(stream(END - STOP, state, workers, processes), uninterrupted[STOP:])


def test_an_epoch_shows_every_slice_once_though_it_was_interrupted(state):
    batches = stream(STOP) + stream(3 - STOP, state, processes=2)
    images = {image.tobytes() for batch in batches for image in batch["target"]}
    assert len(images) == 24
