"""What a run tells: a console line, `metrics.jsonl` and TensorBoard."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from tensorboardX import SummaryWriter


class TrainingLog:
    """Collects the metrics of steps; only the first process writes.

    Metrics of a step are read one log later than they are made, so that the host does not wait
    for the device. `at_peak` is how long a step would take at the devices' peak, where known.
    """

    def __init__(
        self, workdir: Path, start: int, total: int, batch_size: int, at_peak: float | None
    ):
        self._active = jax.process_index() == 0
        self._workdir, self._total, self._batch_size = workdir, total, batch_size
        self._since, self._since_step, self._waited = None, start, 0.0
        self._start, self._at_peak = start, at_peak

    def __enter__(self) -> "TrainingLog":
        if self._active:
            self._workdir.mkdir(parents=True, exist_ok=True)
            self._lines = _continue_lines(self._workdir / "metrics.jsonl", self._start)
            self._board = SummaryWriter(str(self._workdir / "tensorboard"), purge_step=self._start)
            self._progress = Progress(
                TextColumn("step {task.completed}/{task.total}"),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[line]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                disable=not sys.stderr.isatty(),
            )
            self._task = self._progress.add_task(
                "train", total=self._total, completed=self._start, line=""
            )
            self._progress.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._active:
            self._progress.stop()
            self._lines.close()
            self._board.close()

    def step(self, number: int, metrics: dict[str, jax.Array], waited: float, due: bool) -> None:
        """Notes one step; where `due`, writes its metrics."""
        self._waited += waited
        if self._since is None:  # the first step compiles: it does not count for the speed
            jax.block_until_ready(metrics)
            self._since, self._since_step, self._waited = time.perf_counter(), number, 0.0
        if self._active:
            self._progress.update(self._task, completed=number)
        if not due:
            return
        values = {name: float(value) for name, value in metrics.items()}
        elapsed = time.perf_counter() - self._since
        if number > self._since_step:
            steps = number - self._since_step
            values["images_per_second"] = steps * self._batch_size / elapsed
            values["data_wait_share"] = self._waited / elapsed
            if self._at_peak is not None:
                values["mfu"] = steps * self._at_peak / elapsed
            memory = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
            if memory:
                values["peak_gib"] = memory / 2**30
        self._since, self._since_step, self._waited = time.perf_counter(), number, 0.0
        if self._active:
            self._write(number, values)

    def validation(self, number: int, values: dict[str, float], picture: np.ndarray) -> None:
        """Notes the figures of a validation and shows its picture [H, W] in TensorBoard."""
        if self._active:
            named = {f"validation_{name}": value for name, value in values.items()}
            self._lines.write(json.dumps({"step": number, **named}) + "\n")
            for name, value in values.items():
                self._board.add_scalar(f"validation/{name}", value, number)
            self._board.add_image("validation", picture[None], number)
            print(f"step {number}: validation PSNR {values['psnr']:.2f} dB", file=sys.stderr)
        self._since = None  # the next step starts a new measurement of speed

    def _write(self, number: int, values: dict[str, float]) -> None:
        self._lines.write(json.dumps({"step": number, **values}) + "\n")
        self._lines.flush()
        for name, value in values.items():
            self._board.add_scalar(f"train/{name}", value, number)
        line = f"loss {values['loss']:.4f}"
        if "images_per_second" in values:
            line += f"  {values['images_per_second']:.1f} images/s"
            line += f"  waiting for data {values['data_wait_share']:.0%}"
        if "mfu" in values:
            line += f"  MFU {values['mfu']:.0%}"
        if "peak_gib" in values:
            line += f"  {values['peak_gib']:.1f} GiB"
        self._progress.update(self._task, line=line)
        if not sys.stderr.isatty():
            print(f"step {number}/{self._total}  {line}", file=sys.stderr, flush=True)


def _continue_lines(path: Path, start: int) -> Any:
    """Opens a file of JSON lines for appending, less what lies after the step we resume from."""
    if path.exists():
        lines = [line for line in path.read_text().splitlines() if _step_of(line) <= start]
        path.write_text("".join(line + "\n" for line in lines))
    return path.open("a")


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):  # cut off by a kill
        return float("inf")
