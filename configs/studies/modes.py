"""Heads and tails by type, by level, or by both (split), trained alike.

python launch/study.py --config=configs/studies/modes.py --workdir=runs/study_modes
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file

MODES = ("type", "level", "split")


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base_mript.py")).unlock()
    study.about = "MR-IPT's heads and tails for each pattern, each acceleration, or both."
    study.runs = ConfigDict(
        {mode: derive_config(study.experiment, {"model": {"mode": mode}}) for mode in MODES}
    )
    study.compared = MODES
    return study.lock()
