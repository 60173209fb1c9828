"""Trained on one anatomy, or on objects of none, and tested on each.

python launch/study.py --config=configs/studies/anatomy_shift.py --workdir=runs/study_anatomy
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import compare_variants, derive_config, load_config_file

ANATOMIES = ("head", "knee", "abdomen")


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "The unrolled network trained on one anatomy, or on none, and tested on each."
    study.experiment.data.mixture = ()
    configs = {}
    for name in ANATOMIES:
        only = {"data": {"options": {"phantom": {"anatomies": (name,)}}}}
        study.conditions[name] = configs[name] = derive_config(study.experiment, only)
    configs["objects"] = derive_config(study.experiment, {"data": {"source": "generated"}})
    compare_variants(study, configs)
    return study.lock()
