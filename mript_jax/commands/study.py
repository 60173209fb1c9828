"""Runs a study from start to report: trainings, evaluations, one table.

  mript study --config=studies/losses --workdir=runs/losses
  mript study --config=studies/set_sizes --workdir=runs/set_sizes \\
      --config.experiment.total_steps=20000 --config.experiment.model.cascades=8

The studies of configs/studies are small enough for a laptop; --config.a.b=value changes any field
of theirs. Run again with the same --workdir, what is finished is not repeated.
"""

from absl import flags

from mript_jax import cli


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    cli.define_config("The study", folder="studies")
    flags.DEFINE_string(
        "workdir",
        None,
        "Folder for runs, evaluations, study.html, study.svg, study.md and study.json.",
    )


def main() -> None:
    values = cli.FLAGS
    cli.required(config=values.config, workdir=values.workdir)
    from mript_jax.errors import UserError
    from mript_jax.experiments.study import run_study

    if "runs" not in values.config or "conditions" not in values.config:
        raise UserError("--config holds no study; those are in configs/studies")
    print(run_study(values.config, values.workdir))
    print(f"{values.workdir}/study.html (and .svg, .md, .json)")
