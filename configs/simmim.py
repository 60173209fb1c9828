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

    config.model = model = ConfigDict()
    model.name = "simmim"
    model.encoder = "vit"  # or swin, swinrec
    model.image_size = config.data.get_ref("image_size")  # others work too
    model.patch_size = 8  # pixels of k-space, side of a token
    model.width = 192  # channels of a token, in the first stage
    model.depths = (4,)  # blocks of each stage
    model.heads = (3,)  # of attention, in each stage
    model.window = 8  # tokens of a window's side, of Swin and SwinRec
    model.position_embedding = False  # of Swin and SwinRec: a learned table added to the tokens
    model.mlp_ratio = 4.0  # hidden width of the MLPs over the width
    model.mask_cell = 8  # pixels of k-space, side of the squares that are hidden together
    model.mask_ratio = 0.6  # share of them that is hidden
    model.dtype = "float32"  # of the computation; weights are float32
    model.masks = "patches"  # what pretraining hides: random cells, or "sampling" masks
    model.kspace_as = "complex"  # or "rgba", the paper's pictures
    model.knee = 0.1  # of the compression: see physics/kspace_compression.py
    model.dropout = 0.0  # share of values dropped in training
    model.drop_path = 0.0  # share of images that skip a block in training, in the last one

    config.optimizer.name = "muon"
    config.optimizer.learning_rate = 2e-3
    config.optimizer.weight_decay = 0.05
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_steps = 60
    config.optimizer.clip_l2 = 1.0
    return config.lock()
