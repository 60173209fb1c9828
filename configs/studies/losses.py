"""L1, SSIM and their sum as the loss, trained alike.

python launch/study.py --config=configs/studies/losses.py --workdir=runs/study_losses
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file

LOSSES = ("l1", "ssim", "l1_ssim")


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "MR-IPT trained with different losses."
    study.runs = ConfigDict(
        {loss: derive_config(study.experiment, {"loss": loss}) for loss in LOSSES}
    )
    study.compared = LOSSES
    return study.lock()
