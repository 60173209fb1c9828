"""The ViT reconstructor on an anatomy that it was not trained on.

python launch/study.py --config=configs/studies/anatomy_shift.py --workdir=runs/study_anatomy
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config

ANATOMIES = ("head", "knee")


def get_config() -> ConfigDict:
    study = load_config(Path(__file__).with_name("base_vit.py")).unlock()
    study.about = "The ViT reconstructor trained on one anatomy and tested on each."
    study.experiment.data.options.phantom.anatomies = ANATOMIES
    only = {name: {"data": {"options": {"phantom": {"anatomies": (name,)}}}} for name in ANATOMIES}
    study.runs = ConfigDict({f"trained_on_{name}": changes for name, changes in only.items()})
    study.compared = tuple(study.runs)
    study.conditions = ConfigDict(only)
    return study.lock()
