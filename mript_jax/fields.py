"""Fields of dataclasses that say, beside type and default, what they mean and what they can be.

  learning_rate: float = field(1e-5, "peak of the learning-rate schedule", at_least=0)

From such a line a config is built, checked and described. (The fields of a batch: batch.py.)
"""

import dataclasses
import difflib
import importlib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from mript_jax.errors import UserError

NOUNS: dict[Any, str] = {
    bool: "True or False",
    int: "an integer",
    float: "a number",
    str: "a text",
    Mapping: "a group of fields",
    type(None): "None",
}
PLURALS = {bool: "True or False", int: "integers", float: "numbers", str: "texts"}


@dataclasses.dataclass(frozen=True)
class Limits:
    """The meaning of a field, and the range or choices of its values, those in tuples too."""

    meaning: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    # Texts: their names, or where the table of them is, as "module:NAME".
    choices: Iterable[str] | str | None = None
    form: str = ""  # of the value, where the type does not tell

    def range(self) -> str:
        """The numbers in words; "" where none are stated."""
        low = "" if self.at_least is None else f"{self.at_least:g} or more"
        low = low if self.above is None else f"above {self.above:g}"
        if self.at_least is not None and self.at_most is not None:
            return f"from {self.at_least:g} to {self.at_most:g}"
        high = "" if self.at_most is None else f"at most {self.at_most:g}"
        high = high if self.below is None else f"below {self.below:g}"
        return " and ".join(part for part in (low, high) if part)

    def holds(self, number: float) -> bool:
        """Return True for a number in the range; NaN and infinity never are."""
        return math.isfinite(number) and not (
            (self.at_least is not None and number < self.at_least)
            or (self.above is not None and number <= self.above)
            or (self.at_most is not None and number > self.at_most)
            or (self.below is not None and number >= self.below)
        )

    def names(self) -> list[str]:
        """The texts to choose from; none: any text."""
        if isinstance(self.choices, str):
            module, name = self.choices.split(":")
            return list(getattr(importlib.import_module(module), name))
        return list(self.choices or ())


@dataclasses.dataclass(frozen=True)
class Field:
    """A field by its name from the top of a config, such as optimizer.learning_rate."""

    name: str
    kind: Any  # its type
    default: Any  # dataclasses.MISSING where there is none
    limits: Limits

    def expected(self) -> str:
        """The range or choices in words."""
        names = self.limits.names()
        if names:
            one = len(names) == 1 or not _is_tuple(self.kind)
            return ("" if one else "a tuple of ") + " or ".join(
                part for part in (", ".join(map(repr, names[:-1])), repr(names[-1])) if part
            )
        noun, numbers = self.limits.form or _noun(self.kind), self.limits.range()
        return f"{noun}, {numbers}" if numbers else noun

    def check(self, value: Any, name: str = "") -> None:
        """Refuses a value that the field, called `name` where it is part of more, cannot have."""
        if not _fits(value, self.kind, self.limits):
            raise UserError(
                f"config.{name or self.name}={value!r} must be {self.expected()}{self._hint(value)}"
            )

    def _hint(self, value: Any) -> str:
        known = self.limits.names()
        texts = value if isinstance(value, tuple | list) else (value,)
        for text in texts:
            near = difflib.get_close_matches(str(text), known, n=1)
            if near and text not in known:
                return f"; did you mean {near[0]!r}?"
        return ""


def field(default: Any, meaning: str, **limits: Any) -> Any:
    """A dataclass field with its default, its meaning and its limits."""
    return dataclasses.field(default=default, metadata={"limits": Limits(meaning, **limits)})


def required(meaning: str, **limits: Any) -> Any:
    """A dataclass field without a default."""
    return dataclasses.field(metadata={"limits": Limits(meaning, **limits)})


def fields_of(group: type, prefix: str = "") -> dict[str, Field]:
    """All fields of a dataclass and of the dataclasses that are fields of it, by dotted name."""
    found: dict[str, Field] = {}
    for f in dataclasses.fields(group):
        if isinstance(f.type, type) and dataclasses.is_dataclass(f.type):
            found |= fields_of(f.type, f"{prefix}{f.name}.")
        elif "limits" in f.metadata:
            name = prefix + f.name
            found[name] = Field(name, f.type, f.default, f.metadata["limits"])
    return found


def is_numeric(kind: Any) -> bool:
    """Return True if values of a type are numbers or hold numbers."""
    parts = typing.get_args(kind)
    return kind in (int, float) or any(is_numeric(part) for part in parts if part is not ...)


def _is_union(kind: Any) -> bool:
    return isinstance(kind, types.UnionType)


def _is_tuple(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple


def _fits(value: Any, kind: Any, limits: Limits) -> bool:
    if kind in (Any, object):
        return True
    if kind is Mapping:
        return isinstance(value, Mapping)
    if kind is type(None):
        return value is None
    if _is_union(kind):
        return any(_fits(value, one, limits) for one in typing.get_args(kind))
    if _is_tuple(kind):
        parts = typing.get_args(kind)
        if not isinstance(value, tuple | list):
            return False
        if parts[-1] is ...:
            parts = parts[:1] * len(value)
        return len(parts) == len(value) and all(
            _fits(item, part, limits) for item, part in zip(value, parts, strict=True)
        )
    if kind is bool:
        return isinstance(value, bool)
    if kind is str:
        names = limits.names()
        return isinstance(value, str) and (not names or value in names)
    number = Integral if kind is int else Real
    if not isinstance(value, number) or isinstance(value, bool):
        return False
    try:
        return limits.holds(float(value))
    except OverflowError:  # integers have no end of their own
        return False


def _noun(kind: Any) -> str:
    parts = typing.get_args(kind)
    if _is_union(kind):
        return " or ".join(_noun(part) for part in parts)
    if not _is_tuple(kind):
        return NOUNS[kind]
    if parts[-1] is ...:
        return f"a tuple of {PLURALS.get(parts[0], 'tuples')}"
    return f"({', '.join(NOUNS[part] for part in parts)})"
