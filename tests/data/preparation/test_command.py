"""launch/prepare_data.py as users run it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}


def command(*arguments):
    return [sys.executable, str(ROOT / "launch" / "prepare_data.py"), *map(str, arguments)]


def run(*arguments):
    return subprocess.run(
        command(*arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )


def test_phantoms_become_a_data_set_with_a_preview(launch, tmp_path):
    done = launch(
        "prepare_data.py",
        *("--format=phantom", "--count=12", "--size=32", "--workers=1", "--preview"),
        *("--splits=0.5,0.25,0.25", f"--output={tmp_path}"),
    )
    assert done.status == 0, done.stderr
    index = json.loads((tmp_path / "dataset.json").read_text())
    assert index["records"] == sum(index["splits"]["records"].values()) == 12
    assert (tmp_path / "preview.png").stat().st_size > 1000
    checked = launch("prepare_data.py", f"--output={tmp_path}", "--verify")
    assert checked.status == 0 and "12 slices" in checked.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--format=phantoms"], "did you mean 'phantom'"),
        (["--format=images", "--input=nowhere"], "nowhere"),
        (["--format=phantom", "--shard=3/2"], "--shard=3/2"),
        (["--format=phantom", "--option=wrong=1"], "wrong"),
        (["--format=phantom", "--splits=0.5,0.6,0"], "add up to 1"),
    ],
)
@pytest.mark.slow
def test_user_errors_are_one_line_and_status_2(tmp_path, arguments, why):
    done = run(*arguments, f"--output={tmp_path / 'out'}")
    assert done.returncode == 2
    assert why in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path):
    arguments = ("--format=phantom", "--count=300", "--size=64", "--workers=2")
    output = tmp_path / "killed"
    process = subprocess.Popen(
        command(*arguments, f"--output={output}"), env=ENVIRONMENT, start_new_session=True
    )
    while len(list(output.glob("data-*.json"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (output / "dataset.json").exists()
    for folder in (output, tmp_path / "whole"):
        assert run(*arguments, f"--output={folder}").returncode == 0
    resumed, whole = (
        json.loads((folder / "dataset.json").read_text()) for folder in (output, tmp_path / "whole")
    )
    assert resumed == whole
