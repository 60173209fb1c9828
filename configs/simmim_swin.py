"""Masked modelling of k-space with Swin, small enough for a laptop: configs/simmim.py says how.

python launch/train.py --config=configs/simmim_swin.py --workdir=runs/simmim_swin
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("simmim.py")).unlock()
    config.model.encoder = "swin"
    config.model.patch_size = 2
    config.model.width = 48
    config.model.depths = (2, 2)
    config.model.heads = (3, 6)
    return config.lock()
