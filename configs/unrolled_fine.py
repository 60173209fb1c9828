"""The unrolled network of configs/unrolled.py with a level at full resolution: to train for longer.

python launch/train.py --config=configs/unrolled_fine.py --workdir=runs/unrolled_fine

It takes 1.7 times as long for an update, is behind after some minutes of two cores, and ahead after
half an hour (docs/models.md).
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("unrolled.py")).unlock()
    config.total_steps = 6600  # half an hour of two cores
    network = config.model.network
    network.patch_size = 1
    network.widths = (32, 64, 64)
    network.depths = (0, 0, 1)
    network.mixers = ("conv", "conv", "conv")
    return config.lock()
