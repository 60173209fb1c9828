"""The ViT reconstructor on an anatomy that it was not trained on.

python launch/study.py --config=configs/studies/anatomy_shift.py --workdir=runs/study_anatomy
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file

ANATOMIES = ("head", "knee")


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base_vit.py")).unlock()
    study.about = "The ViT reconstructor trained on one anatomy and tested on each."
    study.experiment.data.options.phantom.anatomies = ANATOMIES
    study.runs, study.conditions = ConfigDict(), ConfigDict()
    for name in ANATOMIES:
        only = {"data": {"options": {"phantom": {"anatomies": (name,)}}}}
        study.runs[f"trained_on_{name}"] = derive_config(study.experiment, only)
        study.conditions[name] = derive_config(study.experiment, only)
    study.compared = tuple(study.runs)
    return study.lock()
