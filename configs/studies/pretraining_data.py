"""What to pretrain on: generated anatomy, pictures with the statistics of photographs, or nothing.

python launch/study.py --config=configs/studies/pretraining_data.py --workdir=runs/study_data

Medical scans and photographs need your own folders:
  --config.runs.pictures.data.path=FOLDER_OF_PHOTOGRAPHS
  --config.runs.anatomy.data.source=radimagenet --config.runs.anatomy.data.path=FOLDER
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config


def get_config() -> ConfigDict:
    study = load_config(Path(__file__).with_name("base.py")).unlock()
    study.about = "MR-IPT tuned on 100 slices of new subjects, after pretraining on other data."
    few = {"options": {"phantom": {"seed": 2}}, "max_slices": 100}
    tuned = {"data": few, "total_steps": 100}
    study.runs = ConfigDict(
        {
            "anatomy": {"data": {"source": "phantom", "path": ""}},
            "pictures": {"data": {"source": "images", "path": "dead_leaves"}},
            "from_anatomy": tuned | {"init_from": "anatomy"},
            "from_pictures": tuned | {"init_from": "pictures"},
            "fresh": tuned,
        }
    )
    study.compared = ("from_anatomy", "from_pictures", "fresh")
    study.conditions = ConfigDict({"test": {"data": {"options": {"phantom": {"seed": 2}}}}})
    return study.lock()
