"""--config.a.b=value: values by the type of the field, whatever the order of the arguments."""

import copy
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.checkpoint import load_checkpoint_config, save_params
from mript_jax.config import (
    apply_overrides,
    check_config,
    describe_config,
    flatten_config,
    load_config_file,
    split_overrides,
)
from mript_jax.errors import UserError


def override(*arguments, name="mript_tiny"):
    overrides, others = split_overrides(arguments)
    assert not others
    return flatten_config(apply_overrides(load_config_file(name), overrides))


def test_overrides_are_told_from_other_arguments():
    arguments = ["--config.seed=3", "--config=a.py", "-config.loss", "l2", "--workdir=w"]
    arguments += ["--noconfig.data.random_crops", "--config.data.random_crops", "--config.loss=a=b"]
    overrides, others = split_overrides(arguments)
    assert others == ["--config=a.py", "--workdir=w"]
    assert overrides == [
        ("seed", "3"),
        ("loss", "l2"),
        ("data.random_crops", "false"),
        ("data.random_crops", None),
        ("loss", "a=b"),
    ]


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--config.total_steps=1e5", "total_steps", 100_000),
        ("--config.optimizer.learning_rate=3e-4", "optimizer.learning_rate", 3e-4),
        ("--config.optimizer.learning_rate=1", "optimizer.learning_rate", 1.0),
        ("--config.data.image_size=96", "data.image_size", 96),
        ("--config.data.image_size=(64, 96)", "data.image_size", (64, 96)),
        ("--config.data.image_size=[64, 96]", "data.image_size", (64, 96)),
        ("--config.data.options.phantom.size=(64, 96)", "data.options.phantom.size", (64, 96)),
        (
            "--config.data.options.phantom.anatomies=knee",
            "data.options.phantom.anatomies",
            ("knee",),
        ),
        ("--config.data.patterns=('radial',)", "data.patterns", ("radial",)),
        ("--config.data.patterns=radial", "data.patterns", ("radial",)),
        ("--config.data.accelerations=[2, 4]", "data.accelerations", (2, 4)),
        ("--config.optimizer.freeze=^encoder/", "optimizer.freeze", ("^encoder/",)),
        ("--config.data.path=None.h5", "data.path", "None.h5"),
        ("--config.data.random_crops=true", "data.random_crops", True),
        ("--config.data.random_crops", "data.random_crops", True),
        ("--noconfig.data.options.fastmri.kspace", "data.options.fastmri.kspace", False),
        ("--config.model.global_blocks=(3,)", "model.global_blocks", (3,)),
        ("--config.model.attention=chunked", "model.attention", "chunked"),
        ("--config.model.scan_blocks=false", "model.scan_blocks", False),
    ],
)
def test_value_has_the_type_of_its_field(argument, name, value):
    assert override(argument)[name] == value
    assert type(override(argument)[name]) is type(value)


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--config.model.network.widths=(64,)", "model.network.widths", (64,)),
        ("--config.model.network.window=4", "model.network.window", 4),
        ("--config.model.network.mixers=('conv',)", "model.network.mixers", ("conv",)),
        ("--config.model.scan_cascades=true", "model.scan_cascades", True),
        ("--config.model.scan_cascades=None", "model.scan_cascades", None),
    ],
)
def test_network_of_a_model_has_fields_of_its_own(argument, name, value):
    assert override(argument, name="unrolled")[name] == value


@pytest.mark.parametrize("name", ["model", "model.name"])
def test_model_chosen_by_its_name_has_the_fields_of_its_config(name):
    values = override("--config.model.features=4", f"--config.{name}=unet", "--config.seed=3")
    expected = flatten_config(load_config_file("unet").model) | {"features": 4}
    found = {k.removeprefix("model."): v for k, v in values.items() if k.startswith("model.")}
    assert found == expected
    assert (
        values["seed"] == 3 and values["total_steps"] == load_config_file("mript_tiny").total_steps
    )
    check_config(apply_overrides(load_config_file("mript_tiny"), [(name, "unet")]))


def test_model_chosen_by_its_name_has_the_image_size_of_the_data():
    values = override("--config.model=mript", "--config.data.image_size=64", name="unet")
    assert values["model.image_size"] == 64


def test_model_chosen_by_its_name_tells_what_its_config_has_otherwise(caplog):
    override("--config.model=unrolled", "--config.loss=psnr_edges")
    assert caplog.messages == [
        "config.model=unrolled takes over no more than the model of --config=unrolled; still "
        "data.undersampling='image' (there 'simulated'), "
        "evaluation.protocol='mript_paper' (there 'measured'), "
        "optimizer.learning_rate=0.001 (there 0.003)"
    ]


def test_naming_the_model_that_is_there_changes_nothing_and_tells_nothing(caplog):
    assert override("--config.model=mript", name="mript_radimagenet") == override(
        name="mript_radimagenet"
    )
    assert not caplog.messages


def test_image_size_of_the_model_follows_that_of_the_data():
    values = override("--config.data.image_size=(64, 96)")
    assert values["model.image_size"] == (64, 96)


def test_image_size_that_a_checkpoint_has_as_a_number_can_become_a_pair(tmp_path):
    save_params(tmp_path, {"w": np.zeros(1)}, load_config_file("mript_tiny"))
    config = apply_overrides(load_checkpoint_config(tmp_path), [("data.image_size", "(64, 96)")])
    assert config.data.image_size == (64, 96)


def test_tuple_given_item_by_item_holds_all():
    values = override("--config.data.patterns=radial", "--config.data.patterns=spiral")
    assert values["data.patterns"] == ("radial", "spiral")
    assert override("--config.seed=1", "--config.seed=2")["seed"] == 2


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("--config.total_steps=1.5", "config.total_steps=1.5 must be an integer, 1 or more"),
        ("--config.total_steps=many", "config.total_steps='many' must be an integer, 1 or more"),
        ("--config.data.max_slices=None", "config.data.max_slices=None must be an integer, 0"),
        ("--config.data.path=None", "for none use --config.data.path="),
        ("--config.data.path", "config.data.path needs a value: --config.data.path=VALUE"),
        ("--config.total_steps", "config.total_steps needs a value: --config.total_steps=VALUE"),
        ("--config.data.image_size=wide", "'wide' must be an integer or (height, width), 1 or"),
        ("--config.data.image_size=(64, 96, 3)", "must be an integer or (height, width), 1 or"),
        ("--config.data.random_crops=maybe", "random_crops='maybe' must be True or False"),
        ("--config.data={'source': 'images'}", "one at a time: --config.data.FIELD=value"),
        ("--config.data", "one at a time: --config.data.FIELD=value"),
        ("--config.model={'name': 'unet'}", "one at a time: --config.model.FIELD=value"),
        ("--config.model=unett", "unknown model 'unett'; did you mean 'unet'?"),
        ("--config.optimizer.learning_rate=nan", "learning_rate=nan must be a number, 0 or more"),
        ("--config.optimizer.learning_rate.peak=1", "did you mean 'optimizer.learning_rate'?"),
        ("--config.model.mode=types", "did you mean 'type'?"),
        ("--config.totl_steps=1", "did you mean 'total_steps'?"),
        ("--config.model.with=1", "did you mean 'model.width'?"),
    ],
)
def test_value_that_cannot_be_is_refused_in_one_line(argument, told):
    with pytest.raises(UserError) as error:
        override(argument)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_field_of_a_study_has_the_type_of_the_training_configs_field():
    values = override(
        "--config.experiment.data.image_size=(64, 96)",
        "--config.runs.l1_0.total_steps=1e3",
        name="studies/losses",
    )
    assert values["runs.ssim_1.data.image_size"] == values["runs.l1_0.data.image_size"] == (64, 96)
    assert values["runs.l1_0.total_steps"] == 1000


def test_description_has_every_field_with_value_default_limits_and_meaning():
    config = load_config_file("mript_tiny")
    text = describe_config(config)
    for name in flatten_config(config):
        assert f"{name} = " in text
    assert (
        "optimizer.learning_rate = 0.001\n"
        "    the schedule's peak; most configs set their own; a number, 0 or more "
        "(default: 1e-05)\n"
    ) in text


BITS = (
    *("(", "[", "{", ")", "]", "}", ",", ":", ".", "-", "1", "0", "x", "'", "True", "None"),
    *("1e400", "nan", "inf", "1j", "b''", "\x00", "\ud800", "9" * 400, "9" * 5000, "lambda: 0"),
    *("[" * 5000, "-" * 3000, "__import__('os').abort()"),
)


CONFIG = load_config_file("mript_tiny")


@settings(max_examples=10_000 if "--slow" in sys.argv else 30)
@given(st.data())
def test_any_text_is_a_value_or_refused_in_one_line(data):
    config = copy.deepcopy(CONFIG)
    name = data.draw(st.sampled_from(sorted(flatten_config(config))))
    text = "".join(data.draw(st.lists(st.sampled_from(BITS), max_size=4)))
    try:
        check_config(apply_overrides(config, [(name, text)]))
    except UserError as error:
        assert name.split(".")[0] in str(error)
