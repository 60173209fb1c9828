"""The unrolled network of configs/unrolled.py on 8 coils.

python launch/train.py --config=configs/unrolled_multicoil.py --workdir=runs/unrolled_multicoil
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("unrolled.py")).unlock()
    config.data.simulation.coils = (8,)
    return config.lock()
