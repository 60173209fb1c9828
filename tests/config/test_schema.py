"""Every field states what it means and what its numbers can be."""

import math
import typing

import pytest

from mript_jax.config import base_config, check_config, flatten_config
from mript_jax.config.check import FIELDS
from mript_jax.errors import UserError
from mript_jax.fields import is_numeric

NUMERIC = [name for name, field in FIELDS.items() if is_numeric(field.kind)]


def with_number(name, number):
    """The base config with a number in a field, in place of each of its numbers."""
    config = base_config()
    *groups, leaf = name.split(".")
    group = config
    for part in groups:
        group = group[part]
    kind = FIELDS[name].kind
    if typing.get_origin(kind) is tuple:
        item = typing.get_args(kind)[0]
        number = ("name", "path", number) if typing.get_origin(item) is tuple else number
        number = (number,) * max(len(group[leaf]), 1)
    with group.ignore_type():
        group[leaf] = number
    return config


def test_base_config_holds_the_default_of_every_field():
    assert flatten_config(base_config()) == {n: f.default for n, f in FIELDS.items()}
    check_config(base_config())


@pytest.mark.parametrize("name", FIELDS)
def test_field_has_a_meaning(name):
    assert FIELDS[name].limits.meaning


@pytest.mark.parametrize("name", NUMERIC)
def test_numeric_field_states_its_range(name):
    limits = FIELDS[name].limits
    assert limits.at_least is not None or limits.above is not None


@pytest.mark.parametrize("name", NUMERIC)
def test_number_out_of_range_is_refused_by_name_and_value(name):
    limits = FIELDS[name].limits
    low = limits.at_least - 1 if limits.above is None else limits.above
    high = limits.below if limits.below is not None else (limits.at_most or 0) + 1
    wrong = [low, math.nan, math.inf, -math.inf, None, "many"]
    wrong += [high] if limits.at_most is not None or limits.below is not None else []
    for number in wrong:
        with pytest.raises(UserError) as error:
            check_config(with_number(name, number))
        told = str(error.value)
        assert told.startswith(f"config.{name}=") and repr(number) in told and "must be" in told
        assert limits.range() in told and "\n" not in told
