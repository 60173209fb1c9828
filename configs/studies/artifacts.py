"""How much each artifact costs, from none to severe, where training had seen none.

python launch/study.py --config=configs/studies/artifacts.py --workdir=runs/study_artifacts
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file
from mript_jax.physics.artifacts import ARTIFACTS

SEVERITIES = (0.25, 0.5, 1.0)


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "MR-IPT on scans with artifacts, which it was not trained on."
    study.experiment.evaluation.update({"patterns": ("cartesian_random",), "max_slices": 16})
    study.experiment.evaluation.update({"accelerations": (4.0,), "center_fractions": (0.08,)})
    study.runs = ConfigDict({"mript": derive_config(study.experiment)})
    study.compared = ("mript",)
    study.conditions = ConfigDict({"none": derive_config(study.experiment)})
    for name in ARTIFACTS:
        for severity in SEVERITIES:
            key = f"{name}_{round(100 * severity):03d}"  # percent
            changes = {"data": {"artifacts": {name: severity}}}
            study.conditions[key] = derive_config(study.experiment, changes)
    return study.lock()
