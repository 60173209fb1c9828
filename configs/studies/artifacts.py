"""How much each artifact costs the model that comes along, which was trained on none.

python launch/study.py --config=configs/studies/artifacts.py --workdir=runs/study_artifacts
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file
from mript_jax.physics.artifacts import ARTIFACTS

SEVERITIES = (0.25, 0.5, 1.0)


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "The model that comes along on scans with artifacts, which it was not trained on."
    study.experiment.evaluation.patterns = ("cartesian_random",)
    study.experiment.evaluation.update({"accelerations": (4.0,), "center_fractions": (0.08,)})
    study.checkpoints = ConfigDict({"small": "small"})
    study.baselines = ("total_variation",)
    study.compared = ("small",)
    study.conditions.none = derive_config(study.experiment)
    for name in ARTIFACTS:
        for severity in SEVERITIES:
            key = f"{name}_{round(100 * severity):03d}"  # percent
            changes = {"data": {"artifacts": {name: severity}}}
            study.conditions[key] = derive_config(study.experiment, changes)
    return study.lock()
