"""Pretraining against none: 100 slices of new subjects to tune on, for the same time.

python launch/study.py --config=configs/studies/pretraining.py --workdir=runs/study_pretraining
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "MR-IPT tuned on 100 slices of other subjects, pretrained and not."
    others = {"options": {"phantom": {"seed": 2}}, "max_slices": 100}
    study.tuning = derive_config(study.experiment, {"data": others, "total_steps": 100})
    study.runs = ConfigDict(
        {
            "pretrained": derive_config(study.experiment),
            "tuned": derive_config(study.tuning, {"init_from": "pretrained"}),
            "fresh": derive_config(study.tuning),
        }
    )
    study.compared = ("tuned", "fresh", "pretrained")
    study.conditions = ConfigDict({"test": derive_config(study.tuning)})
    return study.lock()
