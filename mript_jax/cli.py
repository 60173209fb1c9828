"""What every launch script shares: flags, and mistakes told in one line with exit status 2."""

import ast
import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from absl import flags, logging
from ml_collections import ConfigDict

from mript_jax.checkpoint import load_checkpoint_config
from mript_jax.config import (
    apply_overrides,
    drop_unknown_fields,
    load_config_file,
    split_overrides,
)
from mript_jax.errors import UserError

FLAGS = flags.FLAGS

flags.DEFINE_bool("debug", False, "Show the traceback of a mistake.")


def run(main: Callable[[], None], config_from_checkpoint: bool = False) -> None:
    """Parses the flags and calls `main`; a user's mistake becomes one line and exit status 2.

    With `config_from_checkpoint`, FLAGS.config is the config that --checkpoint carries, and
    `--config.a.b=value` changes it.
    """
    logging.set_verbosity(logging.ERROR)
    if {"--help", "-h", "-help"} & set(sys.argv[1:]):
        _print_help()
        return
    try:
        with _mistakes_in_flags():
            arguments = FLAGS.read_flags_from_files(sys.argv[1:], force_gnu=False)
            overrides, others = split_overrides(arguments)
            _parse([sys.argv[0], *others])
            if config_from_checkpoint:
                required(checkpoint=FLAGS.checkpoint)
                # A run of an earlier version may have fields that this one does not know.
                config = drop_unknown_fields(load_checkpoint_config(FLAGS.checkpoint))
                define_config("The checkpoint's.")
                FLAGS.config = config
            if overrides:
                if "config" not in FLAGS:
                    raise UserError(f"unexpected --config.{overrides[0][0]}; see --help")
                required(config=FLAGS.config)
                apply_overrides(FLAGS.config, overrides)
        main()
    except UserError as error:
        fail(error)
    except OSError as error:
        if error.filename is None:
            raise
        fail(error, f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def define_config(help_string: str) -> None:
    """Defines --config: FILE, or FILE:argument of its get_config."""
    flags.DEFINE(_ConfigFile(), "config", None, help_string)


class _ConfigFile(flags.ArgumentParser):
    """Reads the ConfigDict of a config file."""

    def parse(self, argument: str) -> ConfigDict:
        path, *arguments = argument.split(":", 1)
        return load_config_file(path, *arguments).lock()


def fail(error: Exception, message: str = "") -> None:
    """Tells a mistake in one line and ends the script with status 2."""
    if {"--debug", "--debug=true"} & set(sys.argv):
        traceback.print_exception(error)
    print(f"error: {' '.join((message or str(error)).split())}", file=sys.stderr)
    sys.exit(2)


def required(**values: str | None) -> None:
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


def _parse(argv: list[str]) -> None:
    rest = FLAGS(argv)
    if len(rest) > 1:
        raise UserError(f"unexpected argument {rest[1]!r}; every argument is a --flag=value")


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


def _print_help() -> None:
    print((sys.modules["__main__"].__doc__ or "").strip(), end="\n\n")
    flags.declare_key_flag("debug")
    print(FLAGS.main_module_help())
