"""One network for all patterns and accelerations against one for each pattern at 4x.

python launch/study.py --config=configs/studies/universal.py --workdir=runs/study_universal
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import compare_variants, derive_config, load_config_file

AT_4X = {"accelerations": (4.0,), "center_fractions": (0.08,)}


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "One network trained on 20 tasks, and networks trained on one each."
    configs = {"universal": study.experiment}
    for pattern in study.experiment.data.patterns:
        only = {"patterns": (pattern,)} | AT_4X
        study.conditions[pattern] = derive_config(study.experiment, {"evaluation": only})
        configs[f"only_{pattern}"] = derive_config(study.experiment, {"data": only})
    compare_variants(study, configs)
    return study.lock()
