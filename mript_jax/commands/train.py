"""Pretrains or fine-tunes a model.

  mript train --config=mript_tiny --workdir=runs/tiny
  mript train --config=mript_tiny --workdir=runs/more \\
      --config.init_from=runs/tiny --config.optimizer.learning_rate=1e-4

  mript train --config=mript_tiny --workdir=runs/short --minutes=5
  mript train --config=mript_radimagenet --estimate
  mript train --config=mript_radimagenet --estimate --topology=h100:8
  mript train --config=mript_tiny --print_config --config.seed=1
  mript train --config=mript_tiny --help_config

Run again with the same --workdir, it resumes from the newest checkpoint. On several machines the
same command runs once per process: launch/slurm, launch/tpu and launch/gke do that; elsewhere
--coordinator, --processes and --process say who is who, or --join has JAX ask the cluster.
"""

import gc

from absl import flags
from ml_collections import ConfigDict

from mript_jax import cli
from mript_jax.errors import UserError


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    cli.define_config()
    flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, metrics, config.")
    flags.DEFINE_bool("estimate", False, "Only say what a step costs: memory, FLOPs, traffic.")
    flags.DEFINE_string(
        "topology", "", "With --estimate: devices that are not there: v5e:2x4, v5p:2x2x2, h100:8."
    )
    flags.DEFINE_bool("print_config", False, "Only print the config, with what was changed.")
    flags.DEFINE_bool("help_config", False, "Only print what each field of the config is.")
    flags.DEFINE_float(
        "minutes", 0.0, "At most so long: fewer updates where a step takes too long; 0: no limit."
    )
    flags.DEFINE_string("coordinator", "", "host:port of the first process, for a run of several.")
    flags.DEFINE_integer("processes", 0, "How many processes a run of several has.")
    flags.DEFINE_integer("process", -1, "Which of them this is, from 0.")
    flags.DEFINE_bool("join", False, "Ask the cluster who the other processes are (Cloud TPU).")


def main() -> None:
    values = cli.FLAGS
    cli.required(config=values.config)
    if only_shown():
        show(values.config)
        return
    from mript_jax.config import check_config
    from mript_jax.training.cores import divide_cpu
    from mript_jax.training.distributed import initialize
    from mript_jax.training.loop import train_to_end
    from mript_jax.training.setup import set_up
    from mript_jax.training.step_time import limit_steps

    cli.required(workdir=values.workdir)
    if values.minutes < 0:
        raise UserError(f"--minutes={values.minutes:g} must be 0, for no limit, or more")
    initialize(values.coordinator, values.processes, values.process, values.join)
    divide_cpu(values.config)
    gc.freeze()  # what was imported stays: collections while a step is traced need not look at it
    setup = None
    if values.minutes:
        check_config(values.config)
        setup = set_up(values.config)
        told = limit_steps(values.config, values.workdir, values.minutes, setup)
        print(told, flush=True)
    state = train_to_end(values.config, values.workdir, setup)
    print(f"trained to step {state.step}: {values.workdir}")


def only_shown() -> bool:
    """Return True if the flags ask for a config or its cost to be shown, not for a training."""
    values = cli.FLAGS
    if values.topology and not values.estimate:
        raise UserError(f"--topology={values.topology} needs --estimate: only a step is compiled")
    return bool(values.help_config or values.print_config or values.estimate)


def show(config: ConfigDict) -> None:
    """Prints what the flags ask for of a config."""
    values = cli.FLAGS
    from mript_jax.config import check_config, describe_config, flatten_config
    from mript_jax.training.estimate import estimate
    from mript_jax.training.setup import build_parts

    if values.help_config:
        print(describe_config(config))
    elif values.print_config:
        check_config(config)
        build_parts(config)
        for name, value in flatten_config(config).items():
            print(f"{name} = {value!r}")
    else:
        print(estimate(config, values.topology))
