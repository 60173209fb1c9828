"""Masked modelling of k-space with SwinRec, small enough for a laptop: configs/simmim.py says how.

python launch/train.py --config=configs/simmim_swinrec.py --workdir=runs/simmim_swinrec
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("simmim.py")).unlock()
    config.model.encoder = "swinrec"
    config.model.patch_size = 1
    config.model.width = 32
    config.model.depths = (2, 2)
    config.model.heads = (2, 2)
    return config.lock()
