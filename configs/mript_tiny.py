"""MR-IPT small enough for a laptop: the quickstart's model, on generated anatomy.

python launch/train.py --config=configs/mript_tiny.py --workdir=runs/tiny
"""

from ml_collections import ConfigDict

from mript_jax.config import base_config


def get_config() -> ConfigDict:
    config = base_config()
    config.total_steps = 750
    config.global_batch_size = 4
    config.checkpoint_every_steps = 150
    config.evaluate_every_steps = 250

    config.data.source = "phantom"
    config.data.image_size = 128

    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "mript"
    model.mode = "type"
    model.image_size = config.data.get_ref("image_size")
    model.patch_size = 8
    model.features = 8
    model.width = 192
    model.depth = 4
    model.heads = 3
    model.mlp_ratio = 2.0
    model.window = 8
    model.global_blocks = (1, 3)
    model.decoder_depth = 2
    model.decoder_heads = 4
    model.decoder_mlp = 256
    model.decoder_downsample = 2
    model.num_patterns = 4
    model.num_levels = 5
    model.dtype = "float32"
    model.iterations = 1

    config.optimizer.name = "muon"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_steps = 30
    config.optimizer.clip_l2 = 1.0
    return config.lock()
