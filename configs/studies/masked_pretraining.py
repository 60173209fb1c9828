"""Masked modelling of k-space before 100 slices are tuned on to reconstruct, against none.

python launch/study.py --config=configs/studies/masked_pretraining.py --workdir=runs/study_masked

From fresh weights there are as many updates as in tuning (`fresh`), and as many as in pretraining
and tuning together (`fresh_longer`).
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import compare_variants, derive_config, load_config_file

OTHERS = {"phantom": {"seed": 2}}  # than the subjects of pretraining


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "A masked model of k-space tuned to reconstruct, pretrained and not."
    config = load_config_file(Path(__file__).parents[1] / "simmim.py").unlock()
    for name in ("total_steps", "checkpoint_every_steps", "evaluate_every_steps"):
        config[name] = study.experiment[name]
    config.data.undersampling = "simulated"
    config.evaluation.update(study.experiment.evaluation)
    study.experiment = config
    data = {"options": OTHERS, "max_slices": 100}
    study.tuning = derive_config(config, {"loss": "l1_ssim", "total_steps": 400, "data": data})
    study.conditions.test = derive_config(study.tuning)

    def pretrained(seed: int) -> ConfigDict:
        study.runs[f"masked_{seed}"] = derive_config(config, {"seed": seed})
        return derive_config(study.tuning, {"init_from": f"masked_{seed}"})

    longer = derive_config(study.tuning)
    longer.total_steps = config.get_ref("total_steps") + study.tuning.get_ref("total_steps")
    compare_variants(
        study, {"pretrained": pretrained, "fresh": study.tuning, "fresh_longer": longer}
    )
    return study.lock()
