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

    config.model = model = ConfigDict()
    model.name = "recon_vit"
    model.image_size = config.data.get_ref("image_size")  # others work too
    model.patch_size = 8  # pixels: one number, or (rows, columns)
    model.width = 192  # channels of a token
    model.depth = 4  # blocks
    model.heads = 4  # of attention; they share the width
    model.mlp_ratio = 4.0  # hidden width of the MLPs over the width
    model.dtype = "float32"  # of the computation; weights are float32
    model.qkv_bias = False  # of queries, keys and values
    model.gpsa = (-1, -1)  # first and last block, from 1, with gated positional attention
    model.locality = 1.0  # how narrow gated positional attention starts
    model.dropout = 0.0  # share of values dropped in training
    model.drop_path = 0.0  # share of images that skip a block in training, in the last one
    model.iterations = 1  # of network and data consistency; 0: the network alone, as the paper's

    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "one_cycle"
    config.optimizer.warmup_steps = 120
    config.optimizer.clip_l2 = 1.0
    return config.lock()
