"""The unrolled network against its rivals after equal training time, on complex k-space with noise.

  python launch/study.py --config=configs/studies/equal_time.py --workdir=runs/equal_240s
  python launch/study.py --config=configs/studies/equal_time.py --workdir=runs/equal_30min \\
      --config.seconds=1800

Held-out phantoms of 128 x 128 pixels, 20 tasks, protocol `measured`; each network is trained for
`seconds` on a mixture of generated objects and phantoms of other subjects.
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import derive_config, load_config_file

CONFIGS = Path(__file__).parents[1]
NETWORKS = ("unrolled", "varnet", "modl", "d5c5", "unet", "recon_vit", "mript_tiny")
SEEDS = (0, 1, 2)


def get_config() -> ConfigDict:
    experiment = load_config_file(CONFIGS / "unrolled.py").unlock()
    experiment.checkpoint_every_steps = experiment.evaluate_every_steps = 0
    experiment.evaluation.max_slices = 24
    study = ConfigDict({"about": "", "seconds": 240.0, "runs": {}, "networks": {}})
    study.about = "Networks after equal training time on complex, noisy k-space of one coil."
    study.experiment = experiment
    study.baselines = ("total_variation", "wavelet", "conjugate_symmetry")
    configs = {name: load_config_file(CONFIGS / f"{name}.py") for name in NETWORKS}
    for seed in SEEDS:
        for name, own in configs.items():
            run = derive_config(experiment, {"seed": seed})
            run.model = own.model.copy_and_resolve_references()
            for field in ("loss", "global_batch_size", "optimizer"):
                run[field] = own[field]
            study.runs[f"{name} {seed}"] = run
    for name in NETWORKS:
        study.networks[name] = tuple(f"{name} {seed}" for seed in SEEDS)
    # All networks with the first seed come first, for who cannot wait; names alone would be sorted.
    study.compared = tuple(f"{name} {seed}" for seed in SEEDS for name in NETWORKS)
    study.conditions = ConfigDict({"phantoms": derive_config(experiment)})
    return study.lock()
