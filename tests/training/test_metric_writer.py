import json
import resource
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from mript_jax.config import base_config
from mript_jax.errors import UserError
from mript_jax.training.metric_writer import MetricWriter


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_lines_after_the_checkpoint_of_a_resumed_run_are_removed(tmp_path):
    writer = MetricWriter(tmp_path, 0, base_config())
    for step in (1, 2, 3):
        writer.write_scalars(step, "train", {"loss": 1.0 / step})
    writer.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # killed while writing
    writer = MetricWriter(tmp_path, 2, base_config())
    writer.write_scalars(3, "train", {"loss": 0.1})
    writer.close()
    assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == [
        (1, 1),
        (2, 0.5),
        (3, 0.1),
    ]


class Recorder(SimpleNamespace):
    """A stub of the package wandb, which needs an account."""

    def __init__(self):
        super().__init__(logged=[], options=None, finished=False, Image=lambda array: array.shape)

    def init(self, **options):
        self.options = options
        return self

    def log(self, values, step):
        self.logged.append((step, values))

    def finish(self):
        self.finished = True


def test_weights_and_biases_has_the_same_metrics_and_one_id_per_workdir(tmp_path, monkeypatch):
    config, names = base_config(), []
    config.wandb = "knees"
    for _ in range(2):
        monkeypatch.setitem(sys.modules, "wandb", recorder := Recorder())
        writer = MetricWriter(tmp_path, 0, config)
        writer.write_scalars(5, "validation", {"psnr": 30.0}, prefix="validation_")
        writer.write_image(5, "validation", np.zeros((4, 6)))
        writer.close()
        names.append(recorder.options["id"])
        assert recorder.logged == [(5, {"validation/psnr": 30.0}), (5, {"validation": (4, 6)})]
        assert recorder.options["project"] == "knees" and recorder.finished
    assert names[0] == names[1]
    assert lines(tmp_path)[0] == {"step": 5, "validation_psnr": 30.0}


def test_missing_package_wandb_is_a_user_error(tmp_path, monkeypatch):
    config = base_config()
    config.wandb = "knees"
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match="pip install wandb"):
        MetricWriter(tmp_path, 0, config)


def test_full_disk_is_named(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(UserError, match=f"written to {tmp_path}: File too large"):
            writer = MetricWriter(tmp_path, 0, base_config())
            writer.write_scalars(1, "train", {"loss": 1.0})
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_tensorboard_has_scalars_and_images_and_hides_what_a_resumed_run_repeats(tmp_path):
    for start in (0, 2):
        writer = MetricWriter(tmp_path, start, base_config())
        writer.write_scalars(start + 3, "train", {"loss": 0.5})
        writer.write_image(start + 3, "picture", np.ones((4, 6)))
        writer.close()
    events = read_events(max((tmp_path / "tensorboard").iterdir(), key=lambda p: p.name))
    assert [event.step for event in events] == [0, 2, 5, 5]
    assert events[1].session_log.status == SessionLog.START
    assert events[2].summary.value[0].tag == "train/loss"
    assert events[2].summary.value[0].simple_value == 0.5
    image = events[3].summary.value[0].image
    assert (image.height, image.width) == (4, 6) and image.encoded_image_string


def read_events(path):
    """The events of a file of length, checksum, content, checksum each."""
    content, events = path.read_bytes(), []
    while content:
        (length,) = struct.unpack_from("<Q", content)
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return events
