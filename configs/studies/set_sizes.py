"""How many slices of new subjects tuning needs, with and without pretraining.

python launch/study.py --config=configs/studies/set_sizes.py --workdir=runs/study_set_sizes
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import following, load_config

SIZES = (10, 100, 1000, 2500)


def get_config() -> ConfigDict:
    study = load_config(Path(__file__).with_name("base.py")).unlock()
    study.about = "MR-IPT tuned on 10 to 2500 slices of other subjects, pretrained and not."
    others = {"options": {"phantom": {"seed": 2}}}
    study.tuning = following(study.experiment, {"data": others, "total_steps": 100})
    study.runs = ConfigDict({"pretrained": following(study.experiment)})
    for size in SIZES:
        few = {"data": {"options": {"phantom": {"count": 3600}}, "max_slices": size}}
        study.runs[f"fresh_{size}"] = following(study.tuning, few)
        study.runs[f"tuned_{size}"] = following(study.tuning, few | {"init_from": "pretrained"})
    study.compared = tuple(f"{start}_{size}" for start in ("tuned", "fresh") for size in SIZES)
    study.conditions = ConfigDict({"test": following(study.tuning)})
    return study.lock()
