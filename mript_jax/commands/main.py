"""The `mript` command: finds the command that its first argument names, and runs it."""

import importlib
import sys

import mript_jax
from mript_jax import cli
from mript_jax.errors import unknown_name_error

COMMANDS = {
    "train": "pretrain a model, or resume a training",
    "finetune": "train on from a checkpoint's weights, on other data",
    "evaluate": "measure checkpoints on every task, with a report",
    "reconstruct": "reconstruct scan files",
    "serve": "reconstruct what a scanner's MRD client streams",
    "prepare": "turn a dataset into shards, which train fastest",
    "make_phantoms": "write scan files of generated anatomy, to try things on",
    "get-phantom": "write a scan of a generated head, in the format of your choice",
    "convert": "read PyTorch weights, and write them",
    "export": "write a model as one self-contained file",
    "study": "run a study: trainings, evaluations, one table",
    "benchmark": "measure speed and memory",
    "models": "list the models that come with the package",
    "doctor": "check versions, devices, memory, extras",
}


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in cli.HELP:
        print(overview())
    elif arguments[0] == "--version":
        print(f"mript_jax {mript_jax.__version__}")
    else:
        run_command(arguments[0], arguments[1:])


def overview() -> str:
    """The text of `mript --help`."""
    lines = (f"  {name:15}{summary}" for name, summary in COMMANDS.items())
    return "\n".join(
        [
            f"{mript_jax.__doc__}\n",
            "Usage: mript COMMAND [--flag=value ...]\n",
            *lines,
            "\nmript COMMAND --help shows the flags of a command, mript --version the version.",
        ]
    )


def run_command(name: str, arguments: list[str]) -> None:
    """Runs one command."""
    if name not in COMMANDS:
        cli.fail(unknown_name_error("command", name, COMMANDS))
    program = f"mript {name}"
    sys.argv = [program, *arguments]  # where absl and ml_collections look for flags
    module = name.replace("-", "_")
    importlib.import_module(f"mript_jax.commands.{module}").run(program)
