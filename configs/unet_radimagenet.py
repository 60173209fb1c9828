"""UNet128, the paper's strongest baseline, pretrained on the same stream as MR-IPT.

  python launch/train.py --config=configs/unet_radimagenet.py --workdir=runs/unet128 \\
      --config.data.path=RADIMAGENET_AS_ARRAYRECORD

Tuned as MR-IPT is: configs/mript_fastmri.py says how, here with
  --config.init_from=runs/unet128 --config.data.source=fastmri --config.data.path=FOLDER_OF_H5 \\
      --config.data.crop=320 --config.global_batch_size=16 --config.total_steps=20000 \\
      --config.optimizer.learning_rate=4e-5
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("mript_radimagenet.py")).unlock()
    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "unet"
    model.features = 128  # of the first level: 32 is fastMRI's U-Net
    model.pools = 4
    model.dtype = "bfloat16"
    model.dropout = 0.0
    model.iterations = 0
    return config.lock()
