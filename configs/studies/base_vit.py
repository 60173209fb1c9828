"""What the studies of the ViT reconstructor share."""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base_mript.py")).unlock()
    mript = study.experiment
    config = load_config_file(Path(__file__).parents[1] / "recon_vit.py").unlock()
    for name in (
        "total_steps",
        "global_batch_size",
        "checkpoint_every_steps",
        "evaluate_every_steps",
    ):
        config[name] = mript[name]
    config.data.image_size = mript.data.image_size
    phantoms = mript.data.options.phantom
    config.data.options.phantom.update(phantoms.copy_and_resolve_references())
    config.model.update({"patch_size": 4, "width": 96, "heads": 3})
    config.evaluation.update(mript.evaluation)
    config.optimizer.warmup_steps = 20
    study.experiment = config
    study.conditions = ConfigDict({"test": derive_config(config)})
    return study
