"""Public names of a package, imported when they are first used: `import mript_jax` stays fast."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def public_names(package: str, modules: Mapping[str, str]) -> tuple[list[str], Callable]:
    """Return `__all__` and `__getattr__` of a package.

    Args:
      package: its `__name__`.
      modules: for each module of it the public names, separated by blanks.
    """
    home = {name: module for module, names in modules.items() for name in names.split()}

    def __getattr__(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{home[name]}"), name)

    return sorted(home), __getattr__
