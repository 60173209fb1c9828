import dataclasses
import math

import pytest

from mript_jax.errors import UserError
from mript_jax.fields import field, fields_of, required


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: float = field(0.1, "a rate", above=0, at_most=1)


@dataclasses.dataclass(frozen=True)
class Outer:
    width: int = required("channels", at_least=1)
    inner: Inner = Inner()
    size: int | tuple[int, int] = field(8, "pixels", at_least=1)
    shares: tuple[float, ...] = field((), "shares", at_least=0, below=1)
    kinds: tuple[str, ...] = field(("a",), "kinds", choices=("apple", "banana"))
    mixed: tuple[tuple[str, float], ...] = field((), "names with weights", above=0)
    on: bool = field(False, "whether")


FIELDS = fields_of(Outer)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 1),
        ("inner.rate", 1),
        ("size", (3, 4)),
        ("size", [3, 4]),
        ("shares", (0.0, 0.5)),
        ("kinds", ()),
        ("mixed", (("a", 1.0),)),
        ("on", True),
    ],
)
def test_value_within_its_limits_is_accepted(name, value):
    FIELDS[name].check(value)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("width", 0, "config.width=0 must be an integer, 1 or more"),
        ("width", 1.5, "config.width=1.5 must be an integer, 1 or more"),
        ("width", True, "config.width=True must be an integer, 1 or more"),
        ("width", None, "config.width=None must be an integer, 1 or more"),
        ("inner.rate", 0.0, "config.inner.rate=0.0 must be a number, above 0 and at most 1"),
        ("inner.rate", math.nan, "config.inner.rate=nan must be a number, above 0 and at most 1"),
        ("inner.rate", "1", "config.inner.rate='1' must be a number, above 0 and at most 1"),
        ("size", (3, 0), "config.size=(3, 0) must be an integer or (an integer, an integer), 1"),
        ("shares", (0.5, 1.0), "must be a tuple of numbers, 0 or more and below 1"),
        ("shares", 0.5, "config.shares=0.5 must be a tuple of numbers"),
        ("kinds", ("aple",), "must be a tuple of 'apple' or 'banana'; did you mean 'apple'?"),
        ("mixed", (("a", 0.0),), "config.mixed=(('a', 0.0),) must be a tuple of tuples, above 0"),
        ("on", 1, "config.on=1 must be True or False"),
    ],
)
def test_value_outside_its_limits_is_refused_in_one_line(name, value, told):
    with pytest.raises(UserError) as error:
        FIELDS[name].check(value)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_required_field_has_no_default():
    assert FIELDS["width"].default is dataclasses.MISSING
    with pytest.raises(TypeError, match="width"):
        Outer()
