"""Writer of a run's metrics: `metrics.jsonl`, TensorBoard, optionally Weights & Biases."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from mript_jax.errors import UserError
from mript_jax.training.tensorboard import EventFile


class MetricWriter:
    """Write metrics by step; those after step `start`, where a run resumes, are removed."""

    def __init__(self, workdir: Path, start: int, config: ConfigDict):
        workdir.mkdir(parents=True, exist_ok=True)
        self._workdir = workdir
        with self._named_errors():
            self._lines = _continue_lines(workdir / "metrics.jsonl", start)
            self._tensorboard = EventFile(workdir / "tensorboard", start)
        self._wandb = _weights_and_biases(workdir, config) if config.wandb else None

    def write_scalars(
        self, step: int, group: str, values: Mapping[str, float], prefix: str = ""
    ) -> None:
        """Write values, named `prefix` + name in the file and `group`/name on the boards."""
        named = {f"{prefix}{name}": value for name, value in values.items()}
        grouped = {f"{group}/{name}": value for name, value in values.items()}
        with self._named_errors():
            self._lines.write(json.dumps({"step": step, **named}) + "\n")
            self._lines.flush()
            self._tensorboard.scalars(step, grouped)
        if self._wandb:
            self._wandb.log(grouped, step=step)

    def write_image(self, step: int, name: str, image: np.ndarray) -> None:
        """Write an image [H, W] with values from 0 to 1 to the boards."""
        with self._named_errors():
            self._tensorboard.image(step, name, image)
        if self._wandb:
            import wandb

            self._wandb.log({name: wandb.Image(np.uint8(np.clip(image, 0, 1) * 255))}, step=step)

    def close(self) -> None:
        with self._named_errors():
            self._lines.close()
            self._tensorboard.close()
        if self._wandb:
            self._wandb.finish()

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"the metrics of the run cannot be written to {self._workdir}: {error.strerror}"
            ) from error


def _continue_lines(path: Path, start: int) -> Any:
    """Open a file of JSON lines for appending, without lines after step `start`."""
    if path.exists():
        lines = [line for line in path.read_text().splitlines() if _step_of(line) <= start]
        path.write_text("".join(line + "\n" for line in lines))
    return path.open("a")


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):  # cut off by a kill
        return float("inf")


def _weights_and_biases(workdir: Path, config: ConfigDict) -> Any:
    try:
        import wandb
    except ImportError as error:
        raise UserError("config.wandb needs another package: pip install wandb") from error
    return wandb.init(
        project=config.wandb,
        name=workdir.name,
        id=hashlib.sha256(str(workdir).encode()).hexdigest()[:12],  # resumed: the same run
        resume="allow",
        dir=str(workdir),
        config=config.copy_and_resolve_references().to_dict(),
    )
