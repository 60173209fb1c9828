"""D5C5's form: five cascades of five convolutions, each followed by hard data consistency.

python launch/train.py --config=configs/d5c5.py --workdir=runs/d5c5
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("unrolled.py")).unlock()
    model = config.model
    model.cascades = 5
    model.consistency = "hard"
    model.start = "zero_filled"
    model.guide = "none"
    model.memory = 0
    model.network = network = ConfigDict()
    network.name = "conv"
    network.features = 32
    network.depth = 5
    network.input_scale = 4.0
    network.dtype = "float32"
    return config.lock()
