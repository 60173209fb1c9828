"""The pretrained encoder for other tasks: linear heads for tissues and contrasts of phantoms.

python launch/study.py --config=configs/studies/encoder_reuse.py --workdir=runs/study_reuse
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base_mript.py")).unlock()
    study.about = "Linear heads on frozen features of MR-IPT's encoder, of images sampled at 4x."
    study.runs = ConfigDict({"pretrained": derive_config(study.experiment)})
    study.compared = ("pretrained",)
    study.probe = derive_config(study.experiment, {"data": {"options": {"phantom": {"seed": 2}}}})
    return study.lock()
