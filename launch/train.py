"""Pretrains or fine-tunes a model.

  python launch/train.py --config=configs/mript_tiny.py --workdir=runs/tiny
  python launch/train.py --config=configs/mript_tiny.py --workdir=runs/more \\
      --config.init_from=runs/tiny --config.optimizer.learning_rate=1e-4

Run again with the same --workdir, it resumes from the newest checkpoint.
"""

from absl import flags
from ml_collections import config_flags

from mript_jax import cli

config_flags.DEFINE_config_file("config", None, "Config file; --config.a.b=value changes a field.")
flags.DEFINE_string("workdir", None, "Folder of the run: checkpoints, metrics, config.")


def main() -> None:
    cli.required(config=cli.FLAGS.config, workdir=cli.FLAGS.workdir)
    from mript_jax.training.loop import train

    state = train(cli.FLAGS.config, cli.FLAGS.workdir)
    print(f"trained to step {int(state.step)}: {cli.FLAGS.workdir}")


if __name__ == "__main__":
    cli.run(main)
