"""100 images to train the ViT reconstructor on, after pretraining on pictures and without.

python launch/study.py --config=configs/studies/few_shot.py --workdir=runs/study_few_shot

The paper pretrains on photographs and tunes on fastMRI:
  --config.runs.pictures.data.path=FOLDER_OF_PHOTOGRAPHS
  --config.tuning.data.source=fastmri --config.tuning.data.path=FOLDER_OF_H5
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base_vit.py")).unlock()
    study.about = "The ViT reconstructor tuned on 100 images, pretrained on pictures and not."
    tuning = {"data": {"max_slices": 100}, "total_steps": 100}
    study.tuning = derive_config(study.experiment, tuning)
    pictures = {"data": {"source": "images", "path": "dead_leaves"}}
    study.runs = ConfigDict(
        {
            "pictures": derive_config(study.experiment, pictures),
            "pretrained": derive_config(study.tuning, {"init_from": "pictures"}),
            "fresh": derive_config(study.tuning),
        }
    )
    study.conditions = ConfigDict({"test": derive_config(study.tuning)})
    study.compared = ("pretrained", "fresh")
    return study.lock()
