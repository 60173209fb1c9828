"""The one exception that means "your input, not our bug"."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator


class UserError(Exception):
    """A user error in flags, config or data, in one line: the value, and what would be right."""


def unknown_name_error(what: str, name: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a table, with the nearest one that is."""
    known = sorted(known)
    nearest = difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(known)}"
    return UserError(f"unknown {what} {name!r}; {hint}")


@contextlib.contextmanager
def named_missing_package(needs: str, extra: str) -> Iterator[None]:
    """Inside, a package that is not installed is a UserError; `needs` is as "nifti data need"."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "mript_jax").startswith("mript_jax"):
            raise
        package = (error.name or "").partition(".")[0]
        raise UserError(
            f"{needs} {package}, which is not installed: "
            f"pip install {package} (or mript_jax with its extra {extra!r})"
        ) from error
