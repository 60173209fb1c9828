"""Logging of a run: throughput, a console line, and the metrics for metric_writer.py."""

import datetime
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mript_jax.training.metric_writer import MetricWriter


class TrainingLog:
    """Collect the metrics of steps; only the first process writes.

    Metrics are read from the device only in steps that are logged, so that the host does not wait
    for each step. `at_peak` is the time in seconds of a step at the peak FLOP/s, None if unknown.
    """

    def __init__(self, workdir: Path, start: int, config: ConfigDict, at_peak: float | None):
        self._active = jax.process_index() == 0
        self._workdir, self._config = workdir, config
        self._since: float | None = None  # start of the measurement of speed; None: start again
        self._since_step, self._waited = start, 0.0
        self._start, self._at_peak = start, at_peak

    def __enter__(self) -> "TrainingLog":
        if self._active:
            self._writer = MetricWriter(self._workdir, self._start, self._config)
            self._progress = Progress(
                TextColumn("step {task.completed}/{task.total}"),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[line]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                disable=not sys.stderr.isatty(),
            )
            self._task = self._progress.add_task(
                "train", total=self._config.total_steps, completed=self._start, line=""
            )
            self._progress.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._active:
            self._progress.stop()
            self._writer.close()

    def step(self, number: int, metrics: dict[str, Any], waited: float, due: bool) -> None:
        """Record one step; write its metrics if `due`."""
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
            values["images_per_second"] = steps * self._config.global_batch_size / elapsed
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
        """Write the metrics of a validation and its picture [H, W]."""
        if self._active:
            self._writer.write_scalars(number, "validation", values, prefix="validation_")
            self._writer.write_image(number, "validation", picture)
            print(f"step {number}: validation PSNR {values['psnr']:.2f} dB", file=sys.stderr)
        self._since = None  # the next step starts a new measurement of speed

    def _write(self, number: int, values: dict[str, float]) -> None:
        self._writer.write_scalars(number, "train", values)
        line, left = f"loss {values['loss']:.4f}", None
        if "images_per_second" in values:
            line += f"  {values['images_per_second']:.1f} images/s"
            line += f"  waiting for data {values['data_wait_share']:.0%}"
            images_left = (self._config.total_steps - number) * self._config.global_batch_size
            left = datetime.timedelta(seconds=round(images_left / values["images_per_second"]))
        if "mfu" in values:
            line += f"  MFU {values['mfu']:.0%}"
        if "peak_gib" in values:
            line += f"  {values['peak_gib']:.1f} GiB"
        if values.get("skipped_updates"):
            line += f"  {values['skipped_updates']:.0f} updates skipped: not finite"
        self._progress.update(self._task, line=line)
        if not sys.stderr.isatty():
            line += f"  {left} left" if left else ""
            print(f"step {number}/{self._config.total_steps}  {line}", file=sys.stderr, flush=True)
