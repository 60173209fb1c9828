"""The config files that come with the package, by name.

They are the `configs/` of a checkout, which an installed package carries as `mript_jax/configs`.
"""

from pathlib import Path

from mript_jax.errors import unknown_name_error

_PACKAGE = Path(__file__).parent.parent
FOLDER = next(f for f in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if f.is_dir())


def config_names() -> list[str]:
    """The names of all config files: mript_tiny, ..., studies/few_shot, ..."""
    return sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.py"))


def config_path(name: str | Path) -> Path:
    """The config file of that name, for `mript_tiny`, `configs/mript_tiny.py` or any file's path.

    A file at that path comes first, so that a config of one's own may have any name.
    """
    if Path(name).is_file():
        return Path(name)
    shipped = str(name).removeprefix("configs/").removesuffix(".py")
    if shipped not in config_names():
        raise unknown_name_error("config file or name", str(name), config_names())
    return FOLDER / f"{shipped}.py"
