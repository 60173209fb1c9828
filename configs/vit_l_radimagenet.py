"""A plain ViT-L regressor, pretrained on the same stream as MR-IPT, with which the paper compares.

  python launch/train.py --config=configs/vit_l_radimagenet.py --workdir=runs/vit_l \\
      --config.data.path=RADIMAGENET_AS_ARRAYRECORD

Tuned with the same fields as configs/unet_radimagenet.py.
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("mript_radimagenet.py")).unlock()
    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "recon_vit"
    model.image_size = config.data.get_ref("image_size")
    model.patch_size = 16
    model.width = 1024
    model.depth = 24
    model.heads = 16
    model.mlp_ratio = 4.0
    model.dtype = "bfloat16"
    model.qkv_bias = True
    model.gpsa = (-1, -1)  # no gated positional attention
    model.locality = 1.0
    model.dropout = 0.0
    model.drop_path = 0.0
    model.iterations = 0
    return config.lock()
