"""The report of an accelerator, at toy size on a CPU."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mript_jax.benchmarks.accelerator import PARTS, write_table
from mript_jax.benchmarks.accelerator_training import Training, largest_batch
from mript_jax.errors import UserError

ROOT = Path(__file__).parents[2]
RUN = (  # one of each kind; the peers need torch and the public codes
    *("correctness", "training_dots_auto", "training_multicoil", "inference", "loader"),
    *("long_training", "long_training_resumed"),
)


def write_part(folder, part, rows):
    about = {"part": part, "device": "H100", "jax": "0", "date": "2026-01-01", "scale": "toy"}
    (folder / f"{part}.json").write_text(json.dumps(about | {"rows": rows, "seconds": 1}))


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


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


def test_the_largest_batch_fits_into_the_memory_that_there_is():
    of_four = Training(None, None, {}, model_flops=1.0, temporary=8 * 10**9, held=4 * 10**9)
    best = largest_batch(of_four, 4, memory=10**11)
    assert best % 4 == 0 and best > 4
    assert 4e9 + best / 4 * 8e9 < 1e11 < 4e9 + (best / 4 + 3) * 8e9
    assert largest_batch(of_four, 4, memory=10**10) < 4


def test_script_runs_every_part():
    script = (ROOT / "launch" / "gpu_report.sh").read_text()
    listed = script.split("parts=(correctness")[1].split(")")[0]
    assert ["correctness", *listed.split()] == list(PARTS)


def test_script_runs_again_what_was_measured_at_another_scale(tmp_path):
    write_part(tmp_path, "inference", [])  # of scale toy
    for scale, before in (("toy", True), ("paper", False)):
        environment = os.environ | {"PYTHON": "true", "SCALE": scale, "OUT": str(tmp_path)}
        command = ["bash", str(ROOT / "launch" / "gpu_report.sh"), "inference"]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert ("done before" in run.stdout) == before


@pytest.mark.slow
def test_stopped_script_leaves_no_part_running(tmp_path):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    python.chmod(0o755)
    environment = os.environ | {"PYTHON": str(python), "OUT": str(tmp_path)}
    command = ["bash", str(ROOT / "launch" / "gpu_report.sh"), "inference"]
    with subprocess.Popen(command, env=environment) as script:
        wait_until((tmp_path / "pid").exists)
        script.terminate()
    part = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{part}").exists())


@pytest.mark.slow
def test_parts_need_neither_grain_nor_pillow():
    modules = ("correctness", "training", "inference", "peers")
    code = f"""
import sys
sys.modules |= dict.fromkeys(("grain", "array_record", "PIL"))  # None: not to be found
import importlib
from mript_jax.config import load_config_file
for name in {modules}:
    importlib.import_module("mript_jax.benchmarks.accelerator_" + name)
load_config_file("mript_radimagenet"), load_config_file("unrolled_fastmri")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


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
