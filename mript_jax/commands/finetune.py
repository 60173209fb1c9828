"""Fine-tunes a model on your own scans, and measures it before and after on held-out ones.

  mript finetune --input=FOLDER_OF_SCANS --output=runs/ours
  mript finetune --input=FOLDER_OF_SCANS --output=runs/ours --pattern=cartesian_equispaced \\
      --acceleration=6 --minutes=30 --adapters
  mript finetune --input=FOLDER_OF_UNDERSAMPLED_SCANS --output=runs/ours --self_supervised

Volumes are split, by patient, into those to train on and those to measure on. Run again with the
same --output, it resumes. The config is made for the scans; --config.FIELD=value changes it, and
--print_config shows it. With --config=NAME it is `mript train` from the weights of a checkpoint:

  mript finetune --config=mript_fastmri --workdir=runs/knee --config.init_from=runs/radimagenet \\
      --config.data.path=FOLDER_OF_H5
"""

from collections.abc import Mapping
from pathlib import Path

from absl import flags

from mript_jax import cli
from mript_jax.commands import train
from mript_jax.errors import UserError

MINUTES = 10.0  # of training on one's own scans
# Flags that go with --config or with --input alone, and what to do with the other one.
OF_CONFIG = {
    "workdir": "the folder is --output",
    **dict.fromkeys(("coordinator", "processes", "process", "join"), "it is one process"),
}
OF_INPUT = {
    "input": "use --config.data.path",
    "output": "the folder is --workdir",
    "format": "use --config.data.source",
    "checkpoint": "use --config.init_from",
    "adapters": "use --config.optimizer.lora_rank=8",
    "self_supervised": "use --config.data.undersampling=split --config.loss=self_supervised",
    "pattern": "use --config.data.patterns",
    "acceleration": "use --config.data.accelerations",
}
SET_BY = {  # fields of the config that is made for scans
    "init_from": "checkpoint",
    "data.path": "input",
    "data.source": "format",
    "data.splits_file": "output",
}


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program, makes_config=True)


def define_flags() -> None:
    flags.DEFINE_string("input", None, "Folder of scans, of 5 to 50 volumes.")
    flags.DEFINE_string("output", None, "Folder for the weights and the report.")
    flags.DEFINE_string("format", "", "A reader of mript_jax/data/readers; else recognized.")
    flags.DEFINE_string("checkpoint", "small", "The weights to start from: a run, file or name.")
    flags.DEFINE_bool("adapters", False, "Train adapters of few numbers instead of all weights.")
    flags.DEFINE_bool("self_supervised", False, "Train without references, on samples held out.")
    flags.DEFINE_string("pattern", "cartesian_random", "How fully sampled scans are undersampled.")
    flags.DEFINE_float("acceleration", 4.0, "How much fully sampled scans are undersampled.")
    train.define_flags()


def main() -> None:
    values = cli.FLAGS
    if values.config is not None:
        _refuse(OF_INPUT, "config")
        if not values.config.init_from:
            raise UserError("--config.init_from is needed: the checkpoint to start from")
        train.main()
        return
    shown = train.only_shown()
    cli.required(input=values.input, output=values.output or shown)
    _refuse(OF_CONFIG, "input")
    overrides = cli.config_overrides()
    for name, _ in overrides:
        if name in SET_BY:
            raise UserError(f"--config.{name} does not go with --input; use --{SET_BY[name]}")
    minutes = values.minutes if cli.FLAGS["minutes"].present else MINUTES
    if minutes <= 0:
        raise UserError(f"--minutes={minutes:g} must be above 0, or left out")
    path = cli.existing_path("input", values.input)
    from mript_jax.config import apply_overrides
    from mript_jax.experiments import own_scans

    scans = own_scans.look_through(values.format or _format_of(path), str(path.absolute()))
    tasks = own_scans.tasks_of(scans, values.pattern, values.acceleration)
    config = own_scans.plan(
        scans,
        values.checkpoint,
        tasks,
        adapters=values.adapters,
        self_supervised=values.self_supervised,
    )
    apply_overrides(config, overrides)
    if shown:
        train.show(config)
        return
    print(own_scans.describe(scans, tasks))
    print(own_scans.finetune(config, scans.subjects, values.output, minutes))


def _refuse(flags: Mapping[str, str], beside: str) -> None:
    for name, instead in flags.items():
        if cli.FLAGS[name].present:
            raise UserError(f"--{name} does not go with --{beside}; {instead}")


def _format_of(folder: Path) -> str:
    """The one format of the scans in a folder."""
    from mript_jax.data.readers.recognize import find_scans

    formats = sorted({scan.format for scan in find_scans(folder) if scan.format})
    if len(formats) != 1:
        raise UserError(
            f"--input={folder} holds scans of {' and '.join(formats) or 'no known format'}; "
            "--format=NAME says which to use"
        )
    return formats[0]
