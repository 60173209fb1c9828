"""A training and a server that run for long: memory, open files and threads stay where they are.

SOAK_MINUTES=30 python -m pytest -n0 --slow -s tests/end_to_end/test_soak.py
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mript_jax.data.phantom.files import write_phantom
from mript_jax.data.phantom.scan import HeadScan
from mript_jax.inference.mrd_stream import CLOSE
from tests.end_to_end.small_run import ENVIRONMENT, train_command, write_scans
from tests.inference.test_serve import answer, messages_of

MINUTES = float(os.environ.get("SOAK_MINUTES", "3"))
NO_MESSAGE = (b"\xff" * 64,)
MOST_GROWTH = 16  # MB, of the resident memory from the second third of the time to the last

pytestmark = pytest.mark.slow


class Watch:
    """Readings of a process: seconds, MB of resident memory, open files, threads."""

    def __init__(self, process):
        self.folder, self.begin, self.readings = Path(f"/proc/{process.pid}"), time.monotonic(), []

    def __call__(self):
        status = dict(
            line.split(":", 1) for line in (self.folder / "status").read_text().splitlines()
        )
        memory, threads = (int(status[key].split()[0]) for key in ("VmRSS", "Threads"))
        seconds, files = time.monotonic() - self.begin, len(list((self.folder / "fd").iterdir()))
        self.readings.append((seconds, memory / 1e3, files, threads))
        return seconds < 60 * MINUTES

    def assert_flat(self, what):
        """The first third of the time is for compiling and for filling caches."""
        _, middle, last = np.array_split(np.array(self.readings), 3)
        before, after = (np.median(part[:, 1]) for part in (middle, last))
        # Each save and each evaluation opens some for a moment; what leaks stays between them.
        least = [part[:, 2:].min(axis=0).astype(int) for part in (middle, last)]
        told = f"{before:.1f} to {after:.1f} MB, at least {least[0]}, {least[1]} files and threads"
        print(f"{what}, {MINUTES:g} minutes: {told}")
        assert after - before < MOST_GROWTH, told
        assert (least[1] <= least[0]).all(), told


@contextlib.contextmanager
def started(arguments, **options):
    process = subprocess.Popen(arguments, env=ENVIRONMENT, text=True, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_training_stays_in_its_memory(tmp_path):
    often = {"checkpoint_every_steps": 50, "evaluate_every_steps": 200, "log_every_steps": 20}
    changes = {**often, "evaluation.max_slices": 2, "total_steps": 10**7}
    scans = write_scans(tmp_path / "scans")
    arguments = train_command(tmp_path / "run", scans, tmp_path / "cache", **changes)
    output, checkpoints = tmp_path / "output", tmp_path / "run" / "checkpoints"
    with output.open("w") as file, started(arguments, stdout=file, stderr=file) as process:
        while not list(checkpoints.glob("[0-9]*")):
            assert process.poll() is None, output.read_text()
            time.sleep(1)
        watch = Watch(process)
        while watch():
            assert process.poll() is None, output.read_text()
            time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM, output.read_text()
    steps = max(int(path.name) for path in checkpoints.iterdir())
    watch.assert_flat(f"training of {steps} steps")


def call_server(port, messages):
    """A client that sends a scan and takes its images."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=300) as client,
        contextlib.suppress(OSError),  # the server hangs up on what is no message
    ):
        for message in (*messages, struct.pack("<H", CLOSE)):
            client.sendall(message)
        if messages is not NO_MESSAGE:
            images, texts = answer(client, b"unrolled")
            assert len(images) or texts


def test_server_stays_in_its_memory(tmp_path):
    scans = [
        messages_of(write_phantom(tmp_path / f"{i}.h5", "ismrmrd", HeadScan(**changes)))
        for i, changes in enumerate(
            (
                {"slices": 2, "size": 32, "coils": 1, "acceleration": 2.0},
                {"slices": 1, "size": 48, "coils": 4, "acceleration": 3.0},
            )
        )
    ]
    kinds = (*scans, scans[0][:-3], NO_MESSAGE)  # whole, cut short, and none
    main = "from mript_jax.commands.main import main; main()"
    arguments = [sys.executable, "-c", main, "serve", "--port=0"]
    output = tmp_path / "output"
    with output.open("w") as file, started(arguments, stdout=file, stderr=file) as process:
        while "listening on" not in output.read_text():
            assert process.poll() is None, output.read_text()
            time.sleep(1)
        port = int(output.read_text().splitlines()[-1].rsplit(":")[-1])
        for served in range(len(kinds)):  # compiles
            call_server(port, kinds[served])
        watch = Watch(process)
        while watch():
            served += 1
            call_server(port, kinds[served % len(kinds)])
            assert process.poll() is None
    watch.assert_flat(f"server of {served} clients")
