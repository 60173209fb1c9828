"""MR-IPT at the paper's scale, pretrained on the MR images of RadImageNet (arXiv 2405.15098).

  python launch/train.py --config=configs/mript_radimagenet.py --workdir=runs/radimagenet \\
      --config.data.path=RADIMAGENET_AS_ARRAYRECORD

The paper trains for 5 epochs of 605,407 images; with 64 images in an update these are 47,298
steps. Its rate, 1e-5, is for single images; the paper's own settings are
--config.global_batch_size=1 --config.total_steps=3027037 --config.optimizer.learning_rate=1e-5.

What a device holds is said after a colon: configs/mript_radimagenet.py:24gb (16gb, 24gb, 80gb;
cpu is the experiment with the quickstart's model). docs/training.md has what each needs.
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import base_config, load_config_file
from mript_jax.errors import unknown_name_error

PRESETS = {  # memory of a device -> micro-batch size, what the backward pass keeps
    "16gb": (1, "full"),
    "24gb": (2, "full"),
    "80gb": (8, "dots"),
}


def get_config(memory: str = "80gb") -> ConfigDict:
    if memory not in ("cpu", *PRESETS):
        raise unknown_name_error("preset", memory, ("cpu", *PRESETS))
    config = base_config()
    config.global_batch_size = 64
    config.total_steps = 47_298
    config.checkpoint_every_steps = 1000
    config.log_every_steps = 50
    config.mesh = "data:-1"

    config.data.source = "arrayrecord"  # made by launch/prepare_data.py --format=radimagenet
    config.data.image_size = 224
    config.data.split_fractions = (0.9, 0.05, 0.05)
    config.data.workers = 8

    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "mript"
    model.mode = "split"
    model.image_size = config.data.get_ref("image_size")
    model.patch_size = 4
    model.features = 64
    model.width = 1024
    model.depth = 24
    model.heads = 16
    model.mlp_ratio = 4.0
    model.window = 14
    model.global_blocks = (5, 11, 17, 23)
    model.decoder_depth = 2
    model.decoder_heads = 8
    model.decoder_mlp = 2048
    model.decoder_downsample = 1
    model.num_patterns = 4
    model.num_levels = 5
    model.dtype = "bfloat16"
    model.remat = "full"
    model.attention = "auto"
    model.scan_blocks = True

    config.optimizer.learning_rate = 8e-5  # 1e-5 at one image, times the square root of 64
    config.optimizer.warmup_steps = 1000
    config.optimizer.clip_l2 = 1.0
    if memory == "cpu":
        small = load_config_file(Path(__file__).with_name("mript_tiny.py"))
        config.data.image_size = small.data.image_size
        sizes = small.model.copy_and_resolve_references().to_dict()
        sizes.pop("image_size")
        model.update(sizes | {"mode": "split", "iterations": 0, "remat": "none"})
        config.global_batch_size = 4
    else:
        config.optimizer.micro_batch_size, model.remat = PRESETS[memory]
    return config.lock()
