"""Lin and Heckel's ViT, pretrained on photographs as they do before fastMRI (MIDL 2022).

  python launch/train.py --config=configs/recon_vit_images.py --workdir=runs/vit_images \\
      --config.data.path=FOLDER_OF_PICTURES

Then configs/recon_vit_fastmri.py with --config.init_from=runs/vit_images. All biases stay at zero
here; the tuning trains them too. 20 epochs of ImageNet's 1,281,167 pictures, 32 in an update.
Pictures are read as gray; random squares are cut out of them, mirrored and turned.
"""

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file

ACCELERATIONS = tuple(float(r) for r in range(2, 11))
CENTER_FRACTIONS = tuple(round(0.32 / r, 4) for r in ACCELERATIONS)


def get_config() -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("recon_vit_fastmri.py")).unlock()
    config.total_steps = 800_729
    config.global_batch_size = 32

    config.data.source = "images"
    config.data.undersampling = "image"
    config.data.crop = 0
    config.data.image_size = 272
    config.data.random_crops = True
    config.data.noise = 1e-6
    for group in (config.data, config.evaluation):
        group.patterns = ("fastmri_random", "fastmri_equispaced")
        group.accelerations = ACCELERATIONS
        group.center_fractions = CENTER_FRACTIONS
    config.data.workers = 8

    config.optimizer.learning_rate = 4e-4
    config.optimizer.freeze = (r"/bias$",)
    return config.lock()
