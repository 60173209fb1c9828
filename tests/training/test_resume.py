"""Fields that may change when a run resumes: those without effect on samples and weights."""

from pathlib import Path

import pytest

from mript_jax.config import load_config_file
from mript_jax.errors import UserError
from mript_jax.training.resume import data_position, refuse_another_run

WORKDIR = Path("runs/tiny")


def changed(name="mript_tiny", **values):
    config = load_config_file(name).unlock()
    config.update_from_flattened_dict(values)
    return config


def unrolled(**values):
    """The unrolled network, with fields that its config leaves at their default."""
    stated = {"model.scan_cascades": False, "model.remat": False, "model.network.heads": 4}
    return changed("unrolled", **{**stated, **values})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", 1),
        ("data.source", "generated"),
        ("data.path", "elsewhere"),
        ("data.options.phantom.seed", 7),
        ("data.mixture", (("images", "pictures", 1.0),)),
        ("data.split_fractions", (0.9, 0.05, 0.05)),
        ("data.splits_file", "splits.json"),
        ("data.max_slices", 10),
        ("data.patterns", ("radial",)),
        ("data.accelerations", (2.0, 4.0, 6.0, 8.0, 12.0)),
        ("data.center_fractions", (0.1, 0.08, 0.06, 0.04, 0.03)),
        ("data.pattern_weights", (1.0, 1.0, 1.0, 2.0)),
        ("data.acceleration_weights", (1.0, 1.0, 1.0, 1.0, 2.0)),
        ("data.undersampling", "complex"),
        ("data.normalize_by", "target"),
        ("data.noise", 0.01),
        ("model.width", 96),
        ("optimizer.name", "adam"),
        ("optimizer.ema_decay", 0.9),
    ],
)
def test_change_of_a_field_of_data_or_weights_is_a_user_error(field, value):
    with pytest.raises(UserError, match=f"config.{field} is .*runs/tiny was trained with") as error:
        refuse_another_run(WORKDIR, changed(), changed(**{field: value}))
    assert repr(value) in str(error.value)
    assert all(flag in str(error.value) for flag in ("--workdir", "--output", "--checkpoint"))


@pytest.mark.parametrize("begun_without", [True, False])
def test_fields_that_a_config_leaves_out_count_by_their_defaults(begun_without):
    without, stated = unrolled(), unrolled(**{"model.network.input_scale": 4.0})
    del without.model.network["input_scale"]
    saved, config = (without, stated) if begun_without else (stated, without)
    with pytest.raises(UserError, match=r"config\.model\.network\.input_scale is"):
        refuse_another_run(WORKDIR, saved, config)
    without.model.network.input_scale = 1.0
    refuse_another_run(WORKDIR, unrolled(**{"model.network.input_scale": 1.0}), without)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total_steps", 9),
        ("global_batch_size", 2),
        ("mesh", "fsdp:-1"),
        ("data.workers", 2),
        ("data.max_broken", 0),
        ("optimizer.learning_rate", 1.0),
        ("optimizer.micro_batch_size", 1),
        ("model.dtype", "bfloat16"),
        ("evaluation.split", "all"),
    ],
)
def test_change_of_another_field_is_accepted(field, value):
    refuse_another_run(WORKDIR, changed(), changed(**{field: value}))


@pytest.mark.parametrize(
    ("field", "value"), [("scan_cascades", True), ("network.dtype", "bfloat16"), ("remat", True)]
)
def test_execution_of_the_unrolled_network_may_change(field, value):
    refuse_another_run(WORKDIR, unrolled(), unrolled(**{f"model.{field}": value}))


@pytest.mark.parametrize(("field", "value"), [("cascades", 9), ("network.heads", 2)])
def test_change_of_the_unrolled_networks_weights_is_a_user_error(field, value):
    with pytest.raises(UserError, match=f"config.model.{field} is {value}"):
        refuse_another_run(WORKDIR, unrolled(), unrolled(**{f"model.{field}": value}))


def test_field_that_the_saved_config_lacks_is_accepted_at_its_default():
    old = changed()
    del old.model.iterations
    refuse_another_run(WORKDIR, old, changed(**{"model.iterations": 0}))
    with pytest.raises(
        UserError, match=r"model\.iterations is 1, but runs/tiny was trained with 0"
    ):
        refuse_another_run(WORKDIR, old, changed())


def test_position_in_batches_of_earlier_versions_is_converted_to_examples():
    assert data_position({"next_batch": 3}, 4) == {"next_example": 12}
    assert data_position({"next_example": 5}, 4) == {"next_example": 5}
