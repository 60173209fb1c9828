"""The fields of config.model: stated in the model's class, as those of the rest in the schema."""

import dataclasses
import math

import pytest

from mript_jax.config import check_config, describe_config, load_config_file
from mript_jax.config.shipped import config_names
from mript_jax.errors import UserError
from mript_jax.fields import fields_of, is_numeric
from mript_jax.models import MODELS, build_model
from mript_jax.models.regularizer import NETWORKS

FIELDS = [(model, field) for model, cls in MODELS.items() for field in fields_of(cls)]
CLASSES = {**MODELS, **{f"network {name}": cls for name, cls in NETWORKS.items()}}
CONFIGS = {load_config_file(name).model.name: name for name in config_names() if "/" not in name}


@pytest.mark.parametrize("model", CLASSES)
def test_every_field_of_a_model_is_stated(model):
    own = {f.name for f in dataclasses.fields(CLASSES[model])} - {"parent", "name"}
    stated = fields_of(CLASSES[model])
    assert set(stated) == own
    for field in stated.values():
        limits = field.limits
        assert limits.meaning
        assert not is_numeric(field.kind) or (limits.at_least, limits.above) != (None, None)


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_number_that_a_model_cannot_have_is_refused_by_name_and_value(model, name):
    field = fields_of(MODELS[model])[name]
    if not is_numeric(field.kind):
        return
    limits = field.limits
    low = limits.above if limits.at_least is None else limits.at_least - 1
    assert low is not None
    config = load_config_file(CONFIGS[model]).model.copy_and_resolve_references().to_dict()
    for number in (low, math.nan, math.inf, "many"):
        wrong = (number,) * 2 if "tuple" in str(field.kind) else number
        with pytest.raises(UserError) as error:
            build_model(config | {name: wrong})
        told = str(error.value)
        assert told.startswith(f"config.model.{name}=") and repr(wrong) in told
        assert limits.range() in told and "\n" not in told


@pytest.mark.parametrize("field", ["num_patterns", "num_levels"])
def test_model_of_fewer_tasks_than_the_data_is_refused(field):
    config = load_config_file("mript_tiny").unlock()
    config.model[field] = 3
    with pytest.raises(UserError, match=rf"config.model.{field}=3 must be at least [45], the"):
        check_config(config)


def test_description_says_which_type_the_cascades_of_the_unrolled_network_have():
    dtype = fields_of(MODELS["unrolled"])["dtype"]
    assert "cascades have model.network.dtype" in dtype.limits.meaning


def test_description_has_the_fields_that_the_model_leaves_at_their_default():
    config = load_config_file("mript_tiny")
    assert "remat" not in config.model
    assert "model.remat = 'none'\n    " in describe_config(config)
    assert "model.network.window = 8\n    " in describe_config(load_config_file("unrolled"))
