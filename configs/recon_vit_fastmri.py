"""Lin and Heckel's ViT at their size, trained as they do on fastMRI's knees (MIDL 2022).

  python launch/train.py --config=configs/recon_vit_fastmri.py --workdir=runs/vit_knee \\
      --config.data.path=FOLDER_OF_H5 --config.init_from=runs/vit_images

Their studies are the same command with
  few images: --config.data.max_slices=100 --config.total_steps=4000
  brains: --config.data.path=BRAIN_FOLDER --config.data.patterns='("fastmri_equispaced",)'
  another anatomy than trained on: evaluate.py with --config.data.path=OTHER_FOLDER
  less locality, or more: --config.model.gpsa='(1, 10)' gates the attention of all blocks

40 epochs of 34,742 slices, one in an update. Here a slice's own maximum is the range of its SSIM;
theirs is the volume's.
"""

from ml_collections import ConfigDict

from mript_jax.config import base_config


def get_config() -> ConfigDict:
    config = base_config()
    config.total_steps = 1_389_680
    config.global_batch_size = 1
    config.checkpoint_every_steps = 10_000
    config.log_every_steps = 100
    config.loss = "ssim"

    config.data.source = "fastmri"
    config.data.undersampling = "kspace"  # the coils' own; its root-sum-of-squares is cropped
    config.data.crop = 320
    config.data.image_size = 320
    config.data.patterns = config.evaluation.patterns = ("fastmri_random",)
    config.data.accelerations = config.evaluation.accelerations = (4.0,)
    config.data.center_fractions = config.evaluation.center_fractions = (0.08,)
    config.data.workers = 4

    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "recon_vit"
    model.image_size = 340  # the average; others work too
    model.patch_size = 10
    model.width = 704
    model.depth = 10
    model.heads = 16
    model.mlp_ratio = 4.0
    model.dtype = "float32"
    model.qkv_bias = False
    model.gpsa = (-1, -1)  # first and last block, from 1, with gated positional attention
    model.locality = 1.0
    model.dropout = 0.0
    model.drop_path = 0.0
    model.iterations = 0

    config.optimizer.learning_rate = 3e-4
    config.optimizer.schedule = "one_cycle"
    config.optimizer.warmup_steps = config.get_ref("total_steps") // 10
    config.optimizer.clip_l1 = 1.0
    return config.lock()
