"""fastMRI's U-Net at its size, trained as Lin and Heckel's ViT is: configs/recon_vit_fastmri.py.

  python launch/train.py --config=configs/unet_fastmri.py --workdir=runs/unet_knee \\
      --config.data.path=FOLDER_OF_H5
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("recon_vit_fastmri.py")).unlock()
    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "unet"
    model.features = 32
    model.pools = 4
    model.dtype = "float32"
    model.dropout = 0.0
    model.iterations = 0
    return config.lock()
