"""MR-IPT fine-tuned on fastMRI slices, as the paper does after pretraining.

  python launch/train.py --config=configs/mript_fastmri.py --workdir=runs/knee \\
      --config.data.path=FOLDER_OF_H5 --config.init_from=runs/radimagenet

configs/mript_fastmri.py:24gb is for devices of 24 GB; mript_radimagenet.py has the other presets.
A few-shot study is the same command with --config.data.max_slices=10 (100, 1000, 2500).
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config(memory: str = "80gb") -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("mript_radimagenet.py"), memory).unlock()
    config.total_steps = 20_000
    config.global_batch_size = 16
    config.data.source = "fastmri"
    config.data.options.fastmri.skip_ends = 5
    config.data.crop = 320
    config.optimizer.learning_rate = 4e-5
    return config.lock()
