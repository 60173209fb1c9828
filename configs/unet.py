"""fastMRI's U-Net, small enough for a laptop, on generated anatomy.

python launch/train.py --config=configs/unet.py --workdir=runs/unet
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("recon_vit.py")).unlock()
    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "unet"
    model.features = 16  # fastMRI's has 32
    model.pools = 4
    model.dtype = "float32"
    model.dropout = 0.0
    model.iterations = 1
    return config.lock()
