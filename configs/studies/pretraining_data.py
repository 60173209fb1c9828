"""What to pretrain on: medical images, natural ones, synthetic ones, or nothing.

python launch/study.py --config=configs/studies/pretraining_data.py --workdir=runs/study_data

As they are all three are generated: phantoms stand for medical images (those of other subjects for
the scans to tune on), discs that hide each other for photographs, and the synthetic images are
smooth noise, with the spectrum of photographs but neither edges nor anatomy. At full scale the
phantoms are the synthetic images:
  --config.runs.anatomy.data.source=radimagenet --config.runs.anatomy.data.path=FOLDER
  --config.runs.pictures.data.path=FOLDER_OF_PHOTOGRAPHS
  --config.runs.synthetic.data.source=phantom --config.experiment.data.options.phantom.size=224
  --config.tuning.data.source=fastmri --config.tuning.data.path=FOLDER_OF_H5
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file

PRETRAINING = {  # name -> source and path
    "anatomy": ("phantom", ""),
    "pictures": ("images", "dead_leaves"),
    "synthetic": ("images", "random_fields"),
}


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "MR-IPT tuned on 100 slices of new subjects, after pretraining on other data."
    others = {"options": {"phantom": {"seed": 2}}, "max_slices": 100}
    study.tuning = derive_config(study.experiment, {"data": others, "total_steps": 100})
    study.runs = ConfigDict({"fresh": derive_config(study.tuning)})
    for name, (source, path) in PRETRAINING.items():
        data = {"source": source, "path": path}
        study.runs[name] = derive_config(study.experiment, {"data": data})
        study.runs[f"from_{name}"] = derive_config(study.tuning, {"init_from": name})
    study.compared = (*(f"from_{name}" for name in PRETRAINING), "fresh")
    study.conditions = ConfigDict({"test": derive_config(study.tuning)})
    return study.lock()
