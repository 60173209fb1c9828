"""The race with the public code, which stubs replace."""

import io
import json
import sys

import pytest

from mript_jax.benchmarks import race, race_entry
from mript_jax.errors import UserError

SIDE = """
import sys
sys.path.insert(0, {folder!r})
from race_entry import serve
serve({{"training": lambda: sum(range({work}))}})
"""


@pytest.fixture
def side():
    """Start a side that works so much at each call."""
    started = []

    def start(work):
        code = SIDE.format(folder=str(race.FOLDER), work=work)
        started.append(race.start([sys.executable, "-c", code], cores=1))
        race.answer(started[-1], "ready")
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_slower_side_has_more_seconds_and_processor_time(side):
    row = race.compare({"here": side(10**4), "peer": side(10**6)}, "training", repeats=3)
    assert row["times faster"] > 5 and row["times less processor time"] > 5
    assert 1 < row["here (MB)"] < 100


def test_first_call_is_not_timed(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(sys, "stdin", io.StringIO("training\ntraining\n"))
    race_entry.serve({"training": lambda: calls.append(1)})
    ready, *answers = capsys.readouterr().out.splitlines()
    assert ready == "ready" and len(answers) == 2 and len(calls) == 3
    assert set(json.loads(answers[0])) == {"seconds", "processor", "memory"}


def test_side_that_does_not_run_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="does not run"):
        race.race("96", str(tmp_path), sys.executable, cores=1, repeats=1)


@pytest.mark.parametrize("size", race.SIZES)
def test_sizes_are_those_of_a_model(size):
    from mript_jax.models import build_model

    fields, batch = race.SIZES[size]
    model = build_model(race.COMMON | fields | {"name": "mript", "dtype": "float32"})
    assert model.image_size == int(size) and batch >= 1
