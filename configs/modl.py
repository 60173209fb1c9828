"""MoDL's form: one small convolutional network in all cascades, conjugate gradients between them.

python launch/train.py --config=configs/modl.py --workdir=runs/modl
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("unrolled.py")).unlock()
    model = config.model
    model.cascades = 5
    model.shared = True
    model.consistency = "learned"  # one weight, learned
    model.steps = 8  # of conjugate gradients
    model.start = "zero_filled"
    model.guide = "none"
    model.memory = 0
    model.network = network = ConfigDict()
    network.name = "conv"
    network.features = 64
    network.depth = 5
    network.dtype = "float32"
    return config.lock()
