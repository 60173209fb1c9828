"""Fine-tunes a trained model on other data.

  mript finetune --config=mript_fastmri --workdir=runs/knee --config.init_from=runs/radimagenet \\
      --config.data.path=FOLDER_OF_H5

This is `mript train` with the weights of a checkpoint to start from (--config.init_from).
"""

from mript_jax import cli
from mript_jax.commands import train
from mript_jax.errors import UserError


def run(program: str) -> None:
    cli.run(main, train.define_flags, __doc__, program)


def main() -> None:
    cli.required(config=cli.FLAGS.config)
    if not cli.FLAGS.config.init_from:
        raise UserError("--config.init_from is needed: the checkpoint to start from")
    train.main()
