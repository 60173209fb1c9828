"""How many slices of new subjects tuning needs, with and without pretraining.

python launch/study.py --config=configs/studies/set_sizes.py --workdir=runs/study_set_sizes
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config

SIZES = (10, 100, 1000, 2500)


def get_config() -> ConfigDict:
    study = load_config(Path(__file__).with_name("base.py")).unlock()
    study.about = "MR-IPT tuned on 10 to 2500 slices of other subjects, pretrained and not."
    runs = {"pretrained": {}}
    for size in SIZES:
        data = {"options": {"phantom": {"seed": 2, "count": 3600}}, "max_slices": size}
        runs[f"fresh_{size}"] = {"data": data, "total_steps": 100}
        runs[f"tuned_{size}"] = runs[f"fresh_{size}"] | {"init_from": "pretrained"}
    study.runs = ConfigDict(runs)
    study.compared = tuple(f"{start}_{size}" for start in ("tuned", "fresh") for size in SIZES)
    study.conditions = ConfigDict({"test": {"data": {"options": {"phantom": {"seed": 2}}}}})
    return study.lock()
