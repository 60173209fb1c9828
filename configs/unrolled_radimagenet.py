"""The unrolled network at the scale of the MR-IPT paper, on the MR images of RadImageNet.

  python launch/train.py --config=configs/unrolled_radimagenet.py --workdir=runs/unrolled_radimagenet \\
      --config.data.path=RADIMAGENET_AS_ARRAYRECORD

Complex k-space of one coil is simulated of the images, with phase and noise. What a device holds is
said after a colon, as for configs/mript_radimagenet.py: 16gb, 24gb, 80gb.
"""  # noqa: E501

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file
from mript_jax.errors import unknown_name_error

PRESETS = {  # memory of a device -> its micro-batch
    "16gb": 2,
    "24gb": 4,
    "80gb": 16,
}


def get_config(memory: str = "80gb") -> ConfigDict:
    if memory not in PRESETS:
        raise unknown_name_error("preset", memory, PRESETS)
    config = load_config_file(Path(__file__).with_name("unrolled.py")).unlock()
    config.total_steps = 100_000
    config.global_batch_size = 32
    config.checkpoint_every_steps = 1000
    config.log_every_steps = 50

    config.data.source = "arrayrecord"  # made by launch/prepare_data.py --format=radimagenet
    config.data.mixture = ()
    config.data.image_size = 224
    config.data.split_fractions = (0.9, 0.05, 0.05)
    config.data.workers = 8

    model = config.model
    model.cascades = 10
    model.memory = 16
    model.condition = 128
    model.remat = True
    network = model.network
    network.widths = (64, 128, 256)
    network.depths = (0, 2, 4)
    network.mixers = ("conv", "conv", "global")
    network.heads = 8
    network.dtype = "bfloat16"

    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 1000
    config.optimizer.ema_decay = 0.999
    config.optimizer.micro_batch_size = PRESETS[memory]
    return config.lock()
