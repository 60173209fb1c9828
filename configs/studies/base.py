"""What the studies share: the unrolled network on slices of 128 x 128, minutes a training."""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config() -> ConfigDict:
    """A study without runs."""
    config = load_config_file(Path(__file__).parents[1] / "unrolled.py").unlock()
    config.total_steps = 400
    config.checkpoint_every_steps = 0
    config.evaluate_every_steps = 0  # a study evaluates itself
    config.evaluation.update({"max_slices": 16, "batch_size": 16})
    config.evaluation.update({"accelerations": (4.0, 8.0), "center_fractions": (0.08, 0.04)})
    study = ConfigDict({"about": "", "runs": {}, "conditions": {}, "compared": ()})
    study.experiment = config
    return study
