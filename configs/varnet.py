"""The end-to-end VarNet's form: fastMRI's U-Net in the cascades of configs/unrolled.py.

python launch/train.py --config=configs/varnet.py --workdir=runs/varnet
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("unrolled.py")).unlock()
    model = config.model
    model.consistency = "gradient"  # a learned step along the gradient, as in VarNet
    model.start = "zero_filled"
    model.guide = "none"
    model.memory = 0
    model.maps = "refined"  # by a small U-Net, as VarNet's
    model.network = network = ConfigDict()
    network.name = "unet"
    network.features = 8
    network.pools = 3
    network.dtype = "float32"
    return config.lock()
