"""Damaged files end in a right result or in a clear error; and the harness tells which."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mript_jax.data.records import BrokenRecord, Record
from mript_jax.errors import UserError
from tests.hostile import isolated, judge
from tests.hostile.samples import SAMPLES

ROOT = Path(__file__).parents[2]
FEW, MANY = 24, 10_000  # cases of a reader


OPTIONAL = {"nifti": "nibabel", "dicom": "pydicom"}  # packages of extras
HERE = [name for name in SAMPLES if find_spec(OPTIONAL.get(name, "numpy"))]


def run_hostile(**flags):
    """`python -m tests.hostile`, in a process that has no threads of JAX."""
    words = [f"--{name}={value}" for name, value in flags.items()]
    command = [sys.executable, "-m", "tests.hostile", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def read_damaged(readers: str, cases: int, seed: int) -> list[list[str]]:
    """The rows of its table."""
    done = run_hostile(reader=readers, cases=cases, seed=seed)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.rsplit(maxsplit=13) for line in done.stdout.splitlines()[1:]]


def test_damaged_files_are_read_right_or_refused():
    readers = [name for name in HERE if name != "checkpoints"]  # tests/test_checkpoint.py has some
    rows = read_damaged(",".join(readers), FEW, seed=1)
    assert [row[0] for row in rows] == readers
    for name, seen, past, *_ in rows:
        assert int(seen) == FEW and int(past) >= FEW / 2, name


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("reader", HERE)
def test_many_damaged_files_are_read_right_or_refused(reader, seed):
    ((_, seen, past, *_),) = read_damaged(reader, MANY, seed)
    assert int(seen) == MANY and int(past) >= MANY / 2


def spin(number, note):
    note("spins")
    while number == 1:
        pass
    return number


def die(number, note):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_cases_that_hang_or_die_cost_only_themselves(monkeypatch):
    monkeypatch.setattr(isolated, "CPU_SECONDS", 0.1)
    start = time.monotonic()
    zero, one, two = isolated.run_cases(spin, 3)
    assert (zero, two) == (0, 2) and one.hung and one.note == "spins"
    assert time.monotonic() - start < 60  # of a machine that may be busy: a hang is endless
    zero, one, two = isolated.run_cases(die, 3)
    assert (zero, two) == (0, 2) and one.signal == signal.SIGKILL and not one.hung


def test_memory_that_is_filled_is_measured():
    (grown,) = isolated.run_cases(lambda *_: isolated.measure_memory(lambda: b"x" * 2**26)[1], 1)
    assert 2**26 <= grown < 2**27


IMAGE = np.arange(12, dtype=np.float32).reshape(3, 4)
TRUTH = [Record(IMAGE + i, name, i) for name in ("hit", "good") for i in (0, 1)]
JUDGE = judge.Judge(
    truth=TRUTH,
    own=lambda record: record.volume == "hit",
    key=lambda record: (record.volume, record.slice_index),
    named=("hit",),
)
REFUSED = ["hit slice 0: is cut short", "hit slice 1: is cut short"]


def judged(records, broken=(), may_differ=False, **fields):
    return JUDGE(judge.Reading(list(records), list(broken), **fields), may_differ)[0]


def test_judge_tells_outcomes_apart():
    other = Record(IMAGE * 2, "hit", 0)
    assert judged(TRUTH) == "right"
    assert judged(TRUTH[2:], REFUSED) == "error"
    assert judged([], refused="hit cannot be read") == "error"
    assert judged(TRUTH[2:]) == "lost"
    assert judged(TRUTH[:3]) == "lost"  # a neighbour
    assert judged(TRUTH[:3], REFUSED) == "lost"
    assert judged([other, *TRUTH[1:]]) == "wrong"
    assert judged([other, *TRUTH[1:]], may_differ=True) == "undetectable"
    assert judged([*TRUTH[:3], Record(IMAGE, "good", 1)], may_differ=True) == "wrong"
    assert judged([*TRUTH, Record(IMAGE, "hit", 9)]) == "wrong"
    assert judged([Record(IMAGE * np.nan, "hit", 0), *TRUTH[1:]], may_differ=True) == "wrong"
    assert judged(TRUTH[2:], ["cannot be read"]) == "unclear"
    assert judged([], escaped="KeyError") == "traceback"


def raising(error):
    class Source:
        def __len__(self):
            return 1

        def __getitem__(self, index):
            raise error

    return judge.read_all(Source)


def test_reading_tells_errors_apart():
    assert raising(BrokenRecord("a", "b")).broken == ["a: b"]
    assert raising(UserError("a")).refused == "a"
    assert "KeyError" in raising(KeyError("a")).escaped
    assert raising(MemoryError()).out_of_memory


def test_every_reader_of_files_has_samples():
    from mript_jax.data.readers import READERS

    assert set(READERS) - {"phantom", "generated"} <= set(SAMPLES)
