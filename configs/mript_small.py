"""The model that comes with the package: one for all scans, trained on generated objects only.

  python launch/train.py --config=configs/mript_small.py:gpu --workdir=runs/mript_small
  python launch/train.py --config=configs/mript_small.py --workdir=runs/scratch --config.init_from=

One and several coils, any acceleration from 2 to 12, with and without noise. It is trained in legs:
each goes on from the weights that come with the package and may add blocks, levels and cascades. Of
the leg before it takes the weights alone: steps, schedule and the optimizer's moments start anew,
and another `config.seed` (here that of leg 5) draws other objects, masks and noise. Within a leg a
run resumes where it was stopped. `:gpu` is leg 5, 16 slices an update; without it the updates are
those of two CPU cores, for some hours. The second command trains from random weights.
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file
from mript_jax.errors import unknown_name_error

DEVICES = {"cpu": (2, 10_500, 0), "gpu": (16, 16_149, 13)}  # batch size, updates, data workers


def get_config(device: str = "cpu") -> ConfigDict:
    if device not in DEVICES:
        raise unknown_name_error("preset", device, DEVICES)
    config = load_config_file(Path(__file__).with_name("unrolled.py")).unlock()
    config.seed = 4
    config.init_from = "small"
    config.global_batch_size, config.total_steps, config.data.workers = DEVICES[device]
    config.checkpoint_every_steps = 500
    config.evaluate_every_steps = 2000

    config.data.mixture = (("generated", "", 3.0),)
    config.data.patterns = (
        "cartesian_random",
        "cartesian_equispaced",
        "gaussian_1d",
        "gaussian_2d",
        "poisson_disc",
        "radial",
    )
    config.data.pattern_weights = (2, 2, 2, 2, 1, 1)
    config.data.continuous_accelerations = (2, 12)
    config.data.simulation.coils = (1, 1, 1, 6)

    config.model.cascades = 7
    config.model.network.widths = (64, 64, 128)
    config.model.network.depths = (1, 4, 2)
    config.model.network.mixers = ("conv", "conv", "conv")
    config.model.network.input_scale = 1.0  # as the weights that it starts from were trained

    config.optimizer.learning_rate = 2e-3
    config.optimizer.schedule = "cosine"
    config.optimizer.dense_factor = 1.0
    config.optimizer.ema_decay = 0.999
    config.optimizer.warmup_steps = 100
    return config.lock()
