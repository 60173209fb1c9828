"""The unrolled network against its rivals after equal training time, on complex k-space with noise.

  python launch/study.py --config=configs/studies/equal_time.py --workdir=runs/equal_240s
  python launch/study.py --config=configs/studies/equal_time.py --workdir=runs/equal_30min \\
      --config.seconds=1800 \\
      --config.compared="('unrolled_fine', 'd5c5', 'unrolled_0', 'varnet_0', 'modl_0')" \\
      --config.compared="('unet_0', 'recon_vit_0', 'mript_tiny_0')" \\
      --config.compared="('unrolled_window_0', 'unrolled_unet_0')"

Held-out phantoms of 128 x 128 pixels, 20 tasks, protocol `measured`; each network is trained for
`seconds` on a mixture of generated objects and phantoms of other subjects. The same networks on
real slices, of which none was trained on, in a folder of pictures for each scan:
  --config.conditions.real.data.path=FOLDER
In `compared`, a network's name stands for its three seeds; the first is set against each other one.
`unrolled_unet` and `unrolled_window` differ from `unrolled` in the network of the cascades alone:
VarNet's U-Net, and attention at the coarser level.
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import compare_variants, derive_config, load_config_file

CONFIGS = Path(__file__).parents[1]
RIVALS = ("varnet", "modl", "d5c5", "unet", "recon_vit", "mript_tiny")
PICTURES = {
    "source": "images",
    "path": "",
    "options": {"images": {"group": "folder"}},
    "split_fractions": (0.3, 0.0, 0.7),  # total variation is tuned on the first
    "mixture": (),
}


def get_config() -> ConfigDict:
    experiment = load_config_file(CONFIGS / "unrolled.py").unlock()
    experiment.checkpoint_every_steps = experiment.evaluate_every_steps = 0
    experiment.evaluation.max_slices = 24
    study = ConfigDict({"about": "", "seconds": 240.0, "runs": {}})
    study.about = "Networks after equal training time on complex, noisy k-space of one coil."
    study.experiment = experiment
    study.baselines = ("total_variation", "wavelet", "conjugate_symmetry")
    study.conditions = ConfigDict({"phantoms": derive_config(experiment)})
    study.conditions.real = derive_config(experiment, {"data": PICTURES})
    study.optional = ("real",)
    configs = {"unrolled": experiment}
    for name in (*RIVALS, "unrolled_fine"):
        own = load_config_file(CONFIGS / f"{name}.py")
        configs[name] = run = derive_config(experiment)
        run.model = own.model.copy_and_resolve_references()
        for field in ("loss", "global_batch_size", "optimizer"):
            run[field] = own[field]
    windows = {"widths": (64, 64), "depths": (0, 1), "mixers": ("conv", "window")}
    configs["unrolled_window"] = derive_config(experiment, {"model": {"network": windows}})
    configs["unrolled_unet"] = run = derive_config(experiment)
    run.model.network = configs["varnet"].model.network.copy_and_resolve_references()
    compare_variants(study, configs)
    return study.lock()
