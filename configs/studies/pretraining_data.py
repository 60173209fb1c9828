"""What to pretrain on, before 100 slices of heads: other anatomy, pictures, textures, or nothing.

python launch/study.py --config=configs/studies/pretraining_data.py --workdir=runs/study_data

As they are all are generated: phantoms of knees and abdomens stand for medical images, discs that
hide each other for photographs; the textures are smooth noise, with the spectrum of photographs but
neither edges nor anatomy, and the objects are those that the model that comes along learns from. At
full scale:
  --config.pretraining.anatomy.data.source=radimagenet
  --config.pretraining.anatomy.data.path=FOLDER
  --config.pretraining.pictures.data.path=FOLDER_OF_PHOTOGRAPHS
  --config.tuning.data.source=fastmri --config.tuning.data.path=FOLDER_OF_H5
"""

import functools
from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import compare_variants, derive_config, load_config_file

DATA = {
    "anatomy": {"source": "phantom", "options": {"phantom": {"anatomies": ("knee", "abdomen")}}},
    "objects": {"source": "generated"},
    "pictures": {"source": "images", "path": "dead_leaves"},
    "textures": {"source": "images", "path": "random_fields"},
}
HEADS = {"phantom": {"seed": 2, "anatomies": ("head",)}}


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "The unrolled network tuned on 100 slices of heads, pretrained on other data."
    study.experiment.data.mixture = ()
    tuning = {"data": {"options": HEADS, "max_slices": 100}, "total_steps": 200}
    study.tuning = derive_config(study.experiment, tuning)
    study.conditions.test = derive_config(study.tuning)
    study.pretraining = ConfigDict(
        {name: derive_config(study.experiment, {"data": data}) for name, data in DATA.items()}
    )

    def tuned(name: str, seed: int) -> ConfigDict:
        run = f"{name}_{seed}"
        study.runs[run] = derive_config(study.pretraining[name], {"seed": seed})
        start = {"init_from": run, "optimizer": {"learning_rate": 1e-3}}
        return derive_config(study.tuning, start)

    variants = {f"from_{name}": functools.partial(tuned, name) for name in DATA}
    compare_variants(study, variants | {"fresh": study.tuning})
    return study.lock()
