"""The one exception that means "your input, not our bug"."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A user error in flags, config or data, in one line: the value, and what would be right."""


def unknown_name_error(what: str, name: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a table, with the nearest one that is."""
    known = sorted(known)
    nearest = difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(known)}"
    return UserError(f"unknown {what} {name!r}; {hint}")
