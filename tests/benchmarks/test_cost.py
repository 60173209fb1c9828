"""Cost of an image: memory of processes, and the rows of the table."""

import subprocess
import sys

import pytest

from mript_jax.benchmarks import cost, cost_of
from mript_jax.errors import UserError

MEGABYTES = 2**20
HOLDS = "import sys, time; held = b'x' * int(sys.argv[1]); time.sleep(0.5)"
STARTS = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {HOLDS!r}, sys.argv[2]])
"""


def test_peak_memory_is_that_of_a_process_and_of_the_one_it_starts():
    def peak(own, started):
        command = [sys.executable, "-c", f"{STARTS}\n{HOLDS}", str(own * MEGABYTES), str(started)]
        with subprocess.Popen(command) as process:
            return cost.peak_memory(process) / MEGABYTES

    small, large = peak(1, 1), peak(60, 90 * MEGABYTES)
    assert 120 < large - small < 180


def test_cost_of_a_classical_method_has_every_column():
    found = cost_of.main("total_variation", size=16, batch=2, repeats=1)
    assert list(found) == [
        "latency (ms)",
        "images/s",
        "processor time (ms/image)",
        "energy (J/image)",
    ]
    assert found["latency (ms)"] > 0 and found["images/s"] > 0


def test_table_names_command_and_date():
    row = {"method": "unet", "cores": 1, "memory (MB)": 500.0}
    about = {"command": "mript benchmark cost --size=64", "date": "2026-11-26"}
    text = cost.markdown(about | {"machine": "x86_64", "python": "3.11", "rows": [row]})
    assert "mript benchmark cost --size=64" in text and "2026-11-26" in text
    assert "| unet | 1 | 500 |" in text


@pytest.mark.slow
@pytest.mark.parametrize("method", ["unet", "mript_tiny", "unrolled"])
def test_model_is_measured_on_one_core(method):
    row = cost.measure(method, cores=1, size=32, batch=2, repeats=1)
    assert row["cores"] == 1 and row["memory (MB)"] > 100


@pytest.mark.slow
def test_method_that_does_not_run_is_a_user_error():
    with pytest.raises(UserError, match="no_such"):
        cost.measure("no_such", cores=1, size=32, batch=2, repeats=1)


def test_more_cores_than_there_are_is_a_user_error():
    with pytest.raises(UserError, match="--cores=10000"):
        cost.measure("unet", cores=10000, size=32, batch=2, repeats=1)
