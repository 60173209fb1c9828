"""Masked modelling of k-space, small enough for a laptop, on generated anatomy.

Pretraining hides random cells of k-space; fine-tuning reconstructs images from measured samples.

  python launch/train.py --config=configs/simmim.py --workdir=runs/simmim
  python launch/train.py --config=configs/simmim.py --workdir=runs/simmim_tuned \\
      --config.loss=l1_ssim --config.init_from=runs/simmim
"""

from ml_collections import ConfigDict

from mript_jax.config import base_config


def get_config() -> ConfigDict:
    config = base_config()
    config.total_steps = 1200
    config.global_batch_size = 4
    config.checkpoint_every_steps = 300
    config.loss = "masked_l1"

    config.data.source = "phantom"
    config.data.image_size = 128

    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "simmim"
    model.encoder = "vit"
    model.image_size = config.data.get_ref("image_size")
    model.patch_size = 8
    model.width = 192
    model.depths = (4,)
    model.heads = (3,)
    model.window = 8
    model.position_embedding = False
    model.mlp_ratio = 4.0
    model.mask_cell = 8
    model.mask_ratio = 0.6
    model.dtype = "float32"
    model.masks = "patches"
    model.kspace_as = "complex"
    model.knee = 0.1
    model.dropout = 0.0
    model.drop_path = 0.0

    config.optimizer.name = "muon"
    config.optimizer.learning_rate = 2e-3
    config.optimizer.weight_decay = 0.05
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_steps = 60
    config.optimizer.clip_l2 = 1.0
    return config.lock()
