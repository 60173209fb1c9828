from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict

from mript_jax.checkpoint import load_checkpoint_config, save_params
from mript_jax.config import (
    base_config,
    check_config,
    drop_unknown_fields,
    flatten_config,
    load_config_file,
)
from mript_jax.errors import UserError

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.py"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_configs_are_valid(path):
    check_config(load_config_file(path))


@pytest.mark.parametrize("stem", ["mript_radimagenet", "mript_fastmri"])
def test_a_preset_is_for_the_memory_of_a_device(stem):
    path = CONFIGS[0].with_name(f"{stem}.py")
    sizes = {}
    for memory in ("16gb", "24gb", "80gb", "cpu"):
        config = load_config_file(path, memory)
        check_config(config)
        sizes[memory] = (config.optimizer.micro_batch_size, config.model.width)
    assert sizes["16gb"] < sizes["24gb"] < sizes["80gb"]  # the same model, larger micro-batches
    assert sizes["cpu"][1] < sizes["16gb"][1]
    assert load_config_file(path) == load_config_file(path, "80gb")
    with pytest.raises(UserError, match=r"17gb.*16gb"):
        load_config_file(path, "17gb")


def test_the_preset_of_a_gpu_changes_how_long_is_trained_and_not_what():
    path = CONFIGS[0].with_name("mript_small.py")
    cpu, gpu = load_config_file(path), load_config_file(path, "gpu")
    check_config(gpu)
    assert gpu.global_batch_size > cpu.global_batch_size
    assert gpu.model == cpu.model
    assert gpu.optimizer == cpu.optimizer
    with pytest.raises(UserError, match=r"tpu.*gpu"):
        load_config_file(path, "tpu")


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("total_steps", 0, "total_steps=0"),
        ("global_batch_size", -4, "global_batch_size=-4"),
        ("data.accelerations", (2.0, 4.0), "2 accelerations and 5"),
        ("data.patterns", (), "at least one pattern"),
        ("data.normalize_by", "nonsense", "'zero_filled' or 'target'"),
        (
            "data.accelerations",
            (2.0, 4.0, 6.0, 8.0, 0.0),
            "accelerations=.*must be a tuple of numbers, 1 or more",
        ),
        ("data.center_fractions", (0.1, 0.1, 0.1, 0.1, 2.0), "center_fractions=.*, from 0 to 1"),
        ("data.noise", float("nan"), "data.noise=nan must be a number, 0 or more"),
        ("data.partial_fourier", 0.3, "partial_fourier=0.3 must be a number, from 0.5 to 1"),
        ("data.artifacts.ghosting", 2.0, "artifacts.ghosting=2.0 must be a number, from 0 to 1"),
        ("optimizer.micro_batch_size", -1, "micro_batch_size=-1"),
        ("optimizer.learning_rate", -1.0, "learning_rate=-1.0"),
        ("optimizer.learning_rate", float("inf"), "learning_rate=inf"),
        ("optimizer.b2", 1.0, "optimizer.b2=1.0 must be a number, 0 or more and below 1"),
        (
            "optimizer.ema_decay",
            1.5,
            "ema_decay=1.5 must be a number, 0 or more and below 1",
        ),
        ("optimizer.layer_decay", 0.0, "optimizer.layer_decay=0.0 must be a number, above 0"),
        ("optimizer.clip_l2", -1.0, "optimizer.clip_l2=-1.0 must be a number, 0 or more"),
        ("optimizer.clip_l1", -1.0, "optimizer.clip_l1=-1.0 must be a number, 0 or more"),
        ("evaluation.max_slices", -1, "evaluation.max_slices=-1 must be an integer, 0 or more"),
        ("evaluation.accelerations", (4.0, 8.0), "2 accelerations and 5"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name(field, value, told):
    config = load_config_file(CONFIGS[0].with_name("mript_tiny.py"))
    config.update_from_flattened_dict({field: value})
    with pytest.raises(UserError, match=told):
        check_config(config)


@pytest.mark.parametrize(
    ("field", "nearest"),
    [
        ("totl_steps", "total_steps"),
        ("optimizer.learning_rat", "optimizer.learning_rate"),
        ("optimiser.learning_rate", "optimizer.learning_rate"),
        ("data.acceleratons", "data.accelerations"),
        ("data.options.phantm.seed", "data.options.phantom.seed"),
    ],
)
def test_a_field_that_does_not_exist_is_refused_with_the_nearest_that_does(field, nearest):
    config = with_field(field, 1)
    with pytest.raises(UserError, match=f"'{field}'; did you mean '{nearest}'"):
        check_config(config)


def test_models_and_readers_have_fields_of_their_own():
    check_config(with_field("model.of_its_own", 1))
    check_config(with_field("data.options.phantom.anatomies", ("knee",)))


def test_a_warmup_that_training_does_not_outlast_is_told(caplog):
    config = load_config_file(CONFIGS[0].with_name("mript_tiny.py"))
    check_config(config)
    assert not caplog.text
    config.total_steps = 29  # a trial run: its warmup takes 30
    check_config(config)
    assert "warmup_steps=30" in caplog.text


def test_a_run_of_an_earlier_version_can_be_evaluated(launch, tmp_path):
    save_params(tmp_path, {"w": np.zeros(1)}, with_field("optimizer.micro_batches", 2))
    config = drop_unknown_fields(load_checkpoint_config(tmp_path))
    check_config(config)
    assert "micro_batches" not in config.optimizer and config.is_locked
    assert flatten_config(config).keys() >= flatten_config(base_config()).keys()
    told = launch(
        "evaluate.py",
        f"--checkpoint={tmp_path}",
        "--output=out",
        "--config.evaluation.batch_size=0",
    )
    assert "config.evaluation.batch_size=0" in told.stderr and not told.stdout


def test_the_config_can_be_printed_with_what_was_changed(launch):
    arguments = ["--config=configs/mript_fastmri.py:24gb", "--config.optimizer.learning_rate=3e-4"]
    lines = launch("train.py", "--print_config", *arguments).stdout.splitlines()
    config = load_config_file(ROOT / "configs" / "mript_fastmri.py", "24gb")
    assert len(lines) == len(flatten_config(config))
    for line in (
        "optimizer.learning_rate = 0.0003",
        "data.source = 'fastmri'",
        "optimizer.micro_batch_size = 2",
        "model.image_size = 224",
    ):
        assert line in lines


def with_field(name, value):
    """The quickstart's config with one more field, as a file could write it."""
    config = load_config_file(CONFIGS[0].with_name("mript_tiny.py")).unlock()
    *groups, field = name.split(".")
    group = config
    for part in groups:
        if part not in group:
            group[part] = ConfigDict()
        group = group[part]
    group[field] = value
    return config.lock()
