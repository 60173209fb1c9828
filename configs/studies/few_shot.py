"""100 images to train the ViT reconstructor on, after pretraining on pictures and without.

python launch/study.py --config=configs/studies/few_shot.py --workdir=runs/study_few_shot

The paper pretrains on photographs: --config.runs.pictures.data.path=FOLDER_OF_PHOTOGRAPHS
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config


def get_config() -> ConfigDict:
    study = load_config(Path(__file__).with_name("base_vit.py")).unlock()
    study.about = "The ViT reconstructor tuned on 100 images, pretrained on pictures and not."
    tuned = {"data": {"max_slices": 100}, "total_steps": 100}
    study.runs = ConfigDict(
        {
            "pictures": {"data": {"source": "images", "path": "dead_leaves"}},
            "pretrained": tuned | {"init_from": "pictures"},
            "fresh": tuned,
        }
    )
    study.compared = ("pretrained", "fresh")
    return study.lock()
