"""Losses, trained alike with three seeds.

python launch/study.py --config=configs/studies/losses.py --workdir=runs/study_losses
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import compare_variants, derive_config, load_config_file

LOSSES = ("psnr_edges", "l1_edges", "l1", "l2", "ssim", "l1_ssim")


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "The unrolled network trained with different losses."
    study.conditions.test = derive_config(study.experiment)
    configs = {name: derive_config(study.experiment, {"loss": name}) for name in LOSSES}
    compare_variants(study, configs)
    return study.lock()
