"""What the studies share: a small MR-IPT on small phantoms, minutes on a laptop."""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file


def get_config() -> ConfigDict:
    """A study without runs, of the quickstart's model cut down to 64 x 64 pixels."""
    config = load_config_file(Path(__file__).parents[1] / "mript_tiny.py").unlock()
    config.total_steps = 300
    config.global_batch_size = 8
    config.checkpoint_every_steps = 0
    config.evaluate_every_steps = 0  # a study evaluates itself
    config.data.image_size = 64
    config.data.options.phantom.update({"size": 64, "count": 1600})
    config.model.update({"patch_size": 4, "width": 96, "heads": 3})
    config.evaluation.update({"max_slices": 32, "batch_size": 32})
    config.evaluation.update({"accelerations": (4.0, 8.0), "center_fractions": (0.08, 0.04)})
    study = ConfigDict({"about": "", "runs": {}, "compared": ()})
    study.experiment = config
    study.conditions = ConfigDict({"test": derive_config(config)})
    return study
