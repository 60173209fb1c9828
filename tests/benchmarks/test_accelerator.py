"""The report of an accelerator, at toy size on a CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mript_jax.benchmarks.accelerator import PARTS, write_table
from mript_jax.errors import UserError

ROOT = Path(__file__).parents[2]
RUN = (  # one of each kind; the peers need torch and the public codes
    *("correctness", "training_dots_auto", "training_multicoil", "inference", "loader"),
    *("long_training", "long_training_resumed"),
)


def write_part(folder, part, rows):
    about = {"part": part, "device": "H100", "jax": "0", "date": "2026-01-01", "scale": "toy"}
    (folder / f"{part}.json").write_text(json.dumps(about | {"rows": rows, "seconds": 1}))


def test_report_has_each_part_that_is_there_in_order(tmp_path):
    write_part(tmp_path, "inference", [{"images/s": 2.0}])
    write_part(tmp_path, "correctness", [{"error": 0.25}, {"error": 0.5, "dtype": "bfloat16"}])
    text = write_table(tmp_path)
    assert (tmp_path / "report.md").read_text() == text
    assert text.index("## correctness") < text.index("## inference")
    assert "| 0.5 | bfloat16 |" in text and "| 0.25 |  |" in text


def test_report_of_nothing_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="no results"):
        write_table(tmp_path)


def test_script_runs_every_part():
    script = (ROOT / "launch" / "gpu_report.sh").read_text()
    listed = script.split("parts=(correctness")[1].split(")")[0]
    assert ["correctness", *listed.split()] == list(PARTS)


@pytest.mark.slow
def test_report_runs_at_toy_size_and_resumes(tmp_path):
    environment = os.environ | {"PYTHON": sys.executable, "SCALE": "toy", "OUT": str(tmp_path)}
    environment.pop("XLA_FLAGS")  # of the tests' eight devices
    command = ["bash", str(ROOT / "launch" / "gpu_report.sh"), *RUN]
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2)
    )
    assert first.returncode == 0 and "(0 parts failed)" in first.stdout, first.stdout
    assert second.stdout.count("done before") == len(RUN)
    found = json.loads((tmp_path / "correctness.json").read_text())
    assert all(row["within tolerance"] for row in found["rows"])
    trained = [json.loads((tmp_path / f"{p}.json").read_text())["rows"][0] for p in RUN[-2:]]
    assert [row["steps"] for row in trained] == [2, 4]
