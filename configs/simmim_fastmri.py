"""Masked modelling of k-space at the size of Larsen et al. (2022), on fastMRI's slices, with Swin.

  python launch/train.py --config=configs/simmim_fastmri.py --workdir=runs/masked \\
      --config.data.path=FOLDER_OF_H5
  python launch/train.py --config=configs/simmim_fastmri.py --workdir=runs/masked_tuned \\
      --config.data.path=FOLDER_OF_H5 --config.loss=l1_ssim --config.init_from=runs/masked

The other encoders, and the paper's 8-bit pictures in place of complex k-space:
  ViT: --config.model.encoder=vit --config.model.patch_size=16 --config.model.mask_cell=16 \\
      --config.model.width=768 --config.model.depths='(12,)' --config.model.heads='(12,)'
  SwinRec: --config.model.encoder=swinrec --config.model.width=96 --config.model.window=8 \\
      --config.model.depths='(6, 6, 6, 6)' --config.model.heads='(6, 6, 6, 6)'
  pictures: --config.model.kspace_as=rgba

100 epochs of 34,742 slices, one in an update.
"""

from ml_collections import ConfigDict

from mript_jax.config import base_config


def get_config() -> ConfigDict:
    config = base_config()
    config.total_steps = 3_474_200
    config.global_batch_size = 1
    config.checkpoint_every_steps = 10_000
    config.log_every_steps = 100
    config.loss = "masked_l1"

    config.data.source = "fastmri"
    config.data.undersampling = "complex"  # k-space of the image with its measured phase
    config.data.crop = 320
    config.data.image_size = 192
    config.data.workers = 4

    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "simmim"
    model.encoder = "swin"
    model.image_size = config.data.get_ref("image_size")
    model.patch_size = 1
    model.width = 128
    model.depths = (2, 2, 18, 2)
    model.heads = (4, 8, 16, 32)
    model.window = 6
    model.mlp_ratio = 4.0
    model.mask_cell = 8
    model.mask_ratio = 0.6
    model.dtype = "bfloat16"
    model.masks = "patches"
    model.kspace_as = "complex"
    model.knee = 0.1
    model.dropout = 0.0
    model.drop_path = 0.0

    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 2e-4
    config.optimizer.weight_decay = 0.05
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_steps = 10_000
    config.optimizer.clip_l2 = 1.0
    return config.lock()
