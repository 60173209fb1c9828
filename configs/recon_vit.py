"""Lin and Heckel's ViT, small enough for a laptop, on generated anatomy.

python launch/train.py --config=configs/recon_vit.py --workdir=runs/recon_vit
"""

from ml_collections import ConfigDict

from mript_jax.config import base_config


def get_config() -> ConfigDict:
    config = base_config()
    config.total_steps = 1200
    config.global_batch_size = 4
    config.checkpoint_every_steps = 300
    config.loss = "l1_ssim"

    config.data.source = "phantom"
    config.data.image_size = 128

    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "recon_vit"
    model.image_size = config.data.get_ref("image_size")
    model.patch_size = 8
    model.width = 192
    model.depth = 4
    model.heads = 4
    model.mlp_ratio = 4.0
    model.dtype = "float32"
    model.qkv_bias = False
    model.gpsa = (-1, -1)
    model.locality = 1.0
    model.dropout = 0.0
    model.drop_path = 0.0
    model.iterations = 1

    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "one_cycle"
    config.optimizer.warmup_steps = 120
    config.optimizer.clip_l2 = 1.0
    return config.lock()
