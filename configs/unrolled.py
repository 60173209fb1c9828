"""MR-IPT's idea in an unrolled, complex network: cascades of a regularizer and data consistency.

python launch/train.py --config=configs/unrolled.py --workdir=runs/unrolled

One coil, generated objects with phase and noise; about 0.3 s an update on a CPU core. Convolutions
alone: in some minutes of two cores, more updates are worth more than blocks. These are a field away
--config.model.network.depths="(0, 1, 1)", as is attention in windows, for the blocks of a level:
--config.model.network.mixers="('conv', 'conv', 'window')". For longer trainings: unrolled_fine.py.
"""

from ml_collections import ConfigDict

from mript_jax.config import base_config


def get_config() -> ConfigDict:
    config = base_config()
    config.total_steps = 600
    config.global_batch_size = 2
    config.checkpoint_every_steps = 150
    config.evaluate_every_steps = 300
    config.loss = "psnr_edges"

    config.data.source = "phantom"
    config.data.image_size = 128
    config.data.mixture = (("generated", "", 1.0),)  # other objects, so that it learns no anatomy
    config.data.undersampling = "simulated"
    config.data.simulation.coils = (1,)

    config.model = model = ConfigDict()  # --help_config describes its fields
    model.name = "unrolled"
    model.cascades = 4
    model.dtype = "float32"
    model.network = network = ConfigDict()  # models/conv_transformer.py
    network.name = "conv_transformer"
    network.widths = (64, 48, 64)
    network.depths = (0, 0, 0)
    network.mixers = ("conv", "conv", "conv")
    network.input_scale = 4.0
    network.dtype = "float32"

    config.optimizer.name = "muon"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule = "one_cycle"
    config.optimizer.dense_factor = 0.5
    config.optimizer.warmup_steps = 30
    config.optimizer.clip_l2 = 1.0

    config.evaluation.protocol = "measured"
    return config.lock()
