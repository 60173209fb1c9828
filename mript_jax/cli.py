"""Flags that all commands share, and user errors as one line with exit status 2."""

import ast
import contextlib
import logging as python_logging
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from absl import flags, logging
from ml_collections import ConfigDict

from mript_jax.config.shipped import config_names
from mript_jax.errors import UserError
from mript_jax.program_cache import use_program_cache

FLAGS = flags.FLAGS
HELP = ("--help", "-h", "-help")

flags.DEFINE_bool("debug", False, "Show the traceback of a user error.")


def run(
    main: Callable[[], None],
    define_flags: Callable[[], None],
    usage: str | None,
    program: str,
    *,
    config_from_checkpoint: bool = False,
    makes_config: bool = False,
) -> None:
    """Parse the flags and call `main`; a user error becomes one line and exit status 2.

    `usage` is the text of --help, in which lines that begin with `mript NAME` are shown with
    `program` instead. With `config_from_checkpoint`, FLAGS.config is the config that --checkpoint
    carries, and `--config.a.b=value` changes it. With `makes_config`, a command without --config
    makes one itself, and applies `config_overrides()` to it.
    """
    logging.set_verbosity(logging.ERROR)
    others = set(FLAGS)
    define_flags()
    if set(HELP) & set(sys.argv[1:]):
        print_help(usage, program, [name for name in FLAGS if name not in others])
        return
    use_program_cache()
    try:
        with _mistakes_in_flags():
            _parse(sys.argv, config_from_checkpoint, makes_config)
        main()
    except UserError as error:
        fail(error)
    except OSError as error:
        if error.strerror is None:
            raise
        place = "" if error.filename is None else f"{error.filename}: "
        fail(error, f"{place}{error.strerror}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def warnings_as_lines() -> None:
    """From here on each different warning of the package is one line on standard error."""
    own = python_logging.getLogger("mript_jax")
    own.addHandler(_WarningLines())
    own.propagate = False


class _WarningLines(python_logging.Handler):
    """Prints each message once."""

    def __init__(self):
        super().__init__(python_logging.WARNING)
        self._seen: set[str] = set()

    def emit(self, record: python_logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if text not in self._seen:
            self._seen.add(text)
            print(f"{record.levelname.lower()}: {text}", file=sys.stderr, flush=True)


def config_overrides() -> list[tuple[str, str | None]]:
    """The `--config.a.b=value` of the command line: each field with its text."""
    from mript_jax.config import split_overrides

    return split_overrides(FLAGS.read_flags_from_files(sys.argv[1:], force_gnu=False))[0]


def no_flags() -> None:
    """Defines the flags of a command that has none."""


def define_config(what: str = "The experiment", folder: str = "") -> None:
    """Defines --config: a config file or the name of one, whose fields --config.a.b=value changes.

    The help names those of a folder of `configs/`.
    """
    names = [name for name in config_names() if name.rpartition("/")[0] == folder]
    text = f"{what}: a config file, or one of {', '.join(names)}. --config.a.b=value changes it."
    flags.DEFINE(_ConfigFile(), "config", None, text)


def fail(error: Exception, message: str = "") -> None:
    """Print a user error in one line and exit with status 2."""
    if {"--debug", "--debug=true"} & set(sys.argv):
        traceback.print_exception(error)
    print(f"error: {' '.join((message or str(error)).split())}", file=sys.stderr)
    sys.exit(2)


def required(**values: Any) -> None:
    """Raises a UserError for the first flag that was not given."""
    for name, value in values.items():
        if not value:
            raise UserError(f"--{name} is needed; see --help")


def existing_path(flag: str, value: str) -> Path:
    """The path behind a flag, which must exist."""
    path = Path(value)
    if not path.exists():
        raise UserError(f"--{flag}: {value} does not exist")
    return path


def name_and_path(text: str) -> tuple[str, str]:
    """The parts of NAME=PATH; the name is empty where only a path is given."""
    name, _, path = text.rpartition("=") if not Path(text).exists() else ("", "", text)
    return name, path


def at_least(least: int, flag: str) -> None:
    """Raises a UserError for a flag whose number is below `least`."""
    if getattr(FLAGS, flag) < least:
        raise UserError(f"--{flag}={getattr(FLAGS, flag)} must be {least} or more")


def name_value_pairs(flag: str, texts: Sequence[str]) -> dict[str, Any]:
    """The values of a flag that is given as name=value: a number, True, False or a text each."""
    pairs: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--{flag}={text}: expected name=value")
        try:
            pairs[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            pairs[name] = value
    return pairs


def print_help(usage: str | None, program: str, names: list[str] | None = None) -> None:
    """Prints how a command is used and its flags, each with its default."""
    print(re.sub(r"(?m)^( *)mript [\w-]+", rf"\1{program}", usage or "").strip())
    if names is None:
        return
    print("\nFlags:")
    for name in [*names, "debug"]:
        print(f"  --{name}")
        print(textwrap.indent(textwrap.fill(_meaning(FLAGS[name]), 92), " " * 6))


def _meaning(flag: flags.Flag) -> str:
    text = " ".join((flag.help or "").split())
    if flag.default in (None, "", []) or flag.default is False:
        return text
    default = (flag.default_as_str or "").strip("'")
    return f"{text} (default: {default})"


class _ConfigFile(flags.ArgumentParser):
    """Reads NAME or FILE, or either with ":argument" of its get_config."""

    def parse(self, argument: str) -> ConfigDict:
        from mript_jax.config import load_config_file

        return load_config_file(*argument.split(":", 1)).lock()


def _parse(argv: list[str], config_from_checkpoint: bool, makes_config: bool) -> None:
    from mript_jax.config import apply_overrides, split_overrides

    arguments = FLAGS.read_flags_from_files(argv[1:], force_gnu=False)
    overrides, others = split_overrides(arguments)
    rest = FLAGS([argv[0], *others])
    if len(rest) > 1:
        raise UserError(f"unexpected argument {rest[1]!r}; every argument is a --flag=value")
    if config_from_checkpoint:
        required(checkpoint=FLAGS.checkpoint)
        flags.DEFINE(_ConfigFile(), "config", None, "The checkpoint's config.")
        FLAGS.config = _config_of_checkpoint()
    if overrides and not (makes_config and FLAGS.config is None):
        if "config" not in FLAGS:
            raise UserError(f"unexpected --config.{overrides[0][0]}; see --help")
        required(config=FLAGS.config)
        apply_overrides(FLAGS.config, overrides)


def _config_of_checkpoint() -> ConfigDict:
    from mript_jax.checkpoint import load_checkpoint_config
    from mript_jax.config import drop_unknown_fields

    _, path = name_and_path(FLAGS.checkpoint)
    # A run of an earlier version may have fields that this one does not know.
    return drop_unknown_fields(load_checkpoint_config(path))


@contextlib.contextmanager
def _mistakes_in_flags() -> Iterator[None]:
    """Says in a UserError what absl and ml_collections raise for flags that cannot be."""
    try:
        yield
    except OSError as error:
        raise UserError(f"--config: {str(error).splitlines()[-1].strip()}") from error
    except SyntaxError as error:
        raise UserError(f"--config: {error.filename} is not Python: {error}") from error
    except AttributeError as error:
        raise UserError(f"unknown config field {_one_line(error)}") from error
    except (flags.Error, KeyError, ValueError, TypeError, ImportError) as error:
        raise UserError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    text = str(error.args[0] if error.args else error)
    with contextlib.suppress(ValueError, SyntaxError):
        text = str(ast.literal_eval(text))  # ml_collections quotes a KeyError's text once more
    text = " ".join(text.replace('"', "'").split())
    return text.replace("' Did you", "'; did you")
