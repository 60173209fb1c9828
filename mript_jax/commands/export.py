"""Writes a checkpoint's model as one self-contained file (StableHLO, weights included).

  mript export --checkpoint=runs/tiny --output=runs/tiny.mript
  mript export --checkpoint=small --coils=8 --output=small8.mript

Loaded again with `mript_jax.inference.load_exported(path)(batch)`, which estimates the coil
sensitivity maps of a batch of several coils unless it holds `sensitivities`. By JAX alone the
program of several coils needs them too, but for a network that refines its own.
"""

from absl import flags

from mript_jax import cli


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_string("checkpoint", None, "A run's folder, one step in it, or converted weights.")
    flags.DEFINE_string("output", None, "The file to write.")
    flags.DEFINE_integer(
        "coils",
        None,
        "Coils of the k-space that goes in; default: as in the model's evaluations.",
        lower_bound=1,
    )


def main() -> None:
    cli.required(checkpoint=cli.FLAGS.checkpoint, output=cli.FLAGS.output)
    from mript_jax.inference.export import export_model

    path = export_model(cli.FLAGS.checkpoint, cli.FLAGS.output, cli.FLAGS.coils)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
