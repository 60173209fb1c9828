"""How many slices of new subjects tuning needs, with and without pretraining.

python launch/study.py --config=configs/studies/set_sizes.py --workdir=runs/study_set_sizes
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file

SIZES = (10, 100, 1000, 2500)


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "MR-IPT tuned on 10 to 2500 slices of other subjects, pretrained and not."
    others = {"options": {"phantom": {"seed": 2}}}
    study.tuning = derive_config(study.experiment, {"data": others, "total_steps": 100})
    study.runs = ConfigDict({"pretrained": derive_config(study.experiment)})
    for size in SIZES:
        few = {"data": {"options": {"phantom": {"count": 3600}}, "max_slices": size}}
        study.runs[f"fresh_{size}"] = derive_config(study.tuning, few)
        study.runs[f"tuned_{size}"] = derive_config(study.tuning, few | {"init_from": "pretrained"})
    study.compared = tuple(f"{start}_{size}" for start in ("tuned", "fresh") for size in SIZES)
    study.conditions = ConfigDict({"test": derive_config(study.tuning)})
    return study.lock()
