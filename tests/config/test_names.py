"""Old names of fields work, with a notice; wrong ones are told with the right one."""

import json
import logging

import numpy as np
import pytest

from mript_jax.checkpoint import load_checkpoint_config, save_params, write_config
from mript_jax.config import (
    apply_overrides,
    base_config,
    check_config,
    flatten_config,
    load_config_file,
)
from mript_jax.config.names import RENAMED, _notice, unknown_field_error
from mript_jax.errors import UserError

VALUES = {"data.scale": "target", "optimizer.images_at_once": 2}  # by old name; no defaults


@pytest.fixture
def notices(caplog):
    _notice.cache_clear()
    with caplog.at_level(logging.WARNING):
        yield lambda: [record.getMessage() for record in caplog.records]


def renamed(config, old):
    """The config as a version wrote it that had the old name."""
    group, field = old.split(".")
    with config.unlocked():
        del config[group][RENAMED[old].split(".")[1]]
        config[group][field] = VALUES[old]
    return config


def value(config, old):
    return flatten_config(config)[RENAMED[old]]


def test_every_old_name_is_tested():
    assert set(VALUES) == set(RENAMED)
    assert all(value(base_config(), old) != VALUES[old] for old in VALUES)


@pytest.mark.parametrize("old", RENAMED)
def test_old_name_in_a_checkpoint_keeps_its_value(old, tmp_path, notices):
    config = load_config_file("mript_tiny")
    save_params(tmp_path, {"w": np.zeros(1)}, renamed(config, old))
    loaded = load_checkpoint_config(tmp_path)
    assert value(loaded, old) == VALUES[old]
    check_config(loaded)
    load_checkpoint_config(tmp_path)
    (told,) = notices()
    assert f"config.{old} is now config.{RENAMED[old]}" in told


def test_checkpoint_older_than_normalization_by_the_zero_filled_image_keeps_the_targets(tmp_path):
    config = load_config_file("mript_tiny").unlock()
    del config.data.normalize_by
    save_params(tmp_path, {"w": np.zeros(1)}, config)
    assert load_checkpoint_config(tmp_path).data.normalize_by == "target"


@pytest.mark.parametrize("old", RENAMED)
def test_old_name_in_a_config_file_keeps_its_value(old, tmp_path, notices):
    path = tmp_path / "mine.py"
    path.write_text(
        "from mript_jax.config import base_config\n"
        f"def get_config():\n    c = base_config()\n    c.{old} = {VALUES[old]!r}\n    return c\n"
    )
    config = load_config_file(path)
    assert value(config, old) == VALUES[old]
    check_config(config)
    assert len(notices()) == 1


@pytest.mark.parametrize("old", RENAMED)
@pytest.mark.parametrize("run", ["", "experiment."])
def test_old_name_in_an_override_sets_the_present_field(old, run, notices):
    config = load_config_file("studies/losses" if run else "mript_tiny")
    apply_overrides(config, [(run + old, str(VALUES[old]))])
    assert flatten_config(config)[run + RENAMED[old]] == VALUES[old]
    assert len(notices()) == 1


def test_field_that_is_no_more_is_ignored_with_a_notice(tmp_path, notices):
    config = load_config_file("mript_tiny").unlock()
    config.data.fields = ("kspace",)
    save_params(tmp_path, {"w": np.zeros(1)}, config)
    loaded = load_checkpoint_config(tmp_path)
    assert "fields" not in loaded.data
    check_config(loaded)
    assert apply_overrides(loaded.copy_and_resolve_references(), [("data.fields", "()")]) == loaded
    (told,) = notices()
    assert "config.data.fields is no more and is ignored" in told


def test_override_with_a_value_that_means_nothing_now_is_refused():
    config = load_config_file("mript_tiny")
    assert apply_overrides(config, [("model.prompt", "table")]) == load_config_file("mript_tiny")
    with pytest.raises(UserError, match=r"prompt=continuous is no more: .*unrolled"):
        apply_overrides(config, [("model.prompt", "continuous")])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("optimizer.lr", "'optimizer.learning_rate'"),
        ("learning_rate", "'optimizer.learning_rate'"),
        ("batch_size", "'global_batch_size' or 'evaluation.batch_size'"),
        ("epochs", "'total_steps'"),
        ("data.pat", "'data.path'"),
        ("max_slice", "'data.max_slices'"),
        ("modle", "'model'"),  # as in --config.modle=unet
        ("modle.name", "'model.name' or 'optimizer.name'"),
        ("data.simulations.coils", "'data.simulation.coils'"),
        ("simulation", "'data.simulation'"),
    ],
)
def test_wrong_name_is_answered_with_the_full_name_of_the_right_one(name, meant):
    error = unknown_field_error(name, flatten_config(load_config_file("mript_tiny")))
    assert str(error) == f"unknown config field {name!r}; did you mean {meant}?"


def test_wrong_name_in_a_study_is_answered_with_that_of_the_same_run():
    study = load_config_file("studies/losses")
    error = unknown_field_error("runs.l1_0.optimizer.lr", flatten_config(study))
    assert "did you mean 'runs.l1_0.optimizer.learning_rate'?" in str(error)


def test_config_json_of_an_old_run_is_read_with_its_names(tmp_path):
    config = renamed(load_config_file("mript_tiny"), "data.scale")
    write_config(tmp_path, config)
    assert json.loads((tmp_path / "config.json").read_text())["data"]["scale"] == "target"
