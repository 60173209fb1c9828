"""The model that comes with the package: one for all scans, trained on generated objects only.

  python launch/train.py --config=configs/mript_small.py --workdir=runs/mript_small
  python launch/train.py --config=configs/mript_small.py --workdir=runs/scratch --config.init_from=

One and several coils, any acceleration from 2 to 12, with and without noise. It is trained in legs
of hours on CPU cores: each goes on from the weights that come with the package, on other objects,
and may add blocks, which change nothing before they are trained. Of the leg before it takes the
weights alone: steps, schedule and the optimizer's moments start anew. Within a leg a run resumes
where it was stopped. The second command trains from random weights.
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("unrolled.py")).unlock()
    config.seed = 3  # the leg
    config.init_from = "small"
    config.total_steps = 10_500
    config.checkpoint_every_steps = 250

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

    config.model.cascades = 5
    config.model.network.depths = (1, 4)

    config.optimizer.learning_rate = 2e-3
    config.optimizer.ema_decay = 0.998
    config.optimizer.warmup_steps = 100
    return config.lock()
