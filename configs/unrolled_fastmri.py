"""The unrolled network of configs/unrolled_radimagenet.py, fine-tuned on fastMRI's multi-coil k-space.

  python launch/train.py --config=configs/unrolled_fastmri.py --workdir=runs/unrolled_fastmri \\
      --config.data.path=FOLDER_OF_H5 --config.init_from=runs/unrolled_radimagenet
"""  # noqa: E501

from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import load_config_file


def get_config(memory: str = "80gb") -> ConfigDict:
    config = load_config_file(Path(__file__).with_name("unrolled_radimagenet.py"), memory).unlock()
    config.total_steps = 50_000
    config.global_batch_size = 8
    config.data.source = "fastmri"
    with config.data.ignore_type():  # of a number
        config.data.image_size = (320, 400)  # readout, and lines of the widest scans
    config.data.undersampling = "kspace"
    config.data.coils = 12  # that the files' coils are compressed to
    config.optimizer.micro_batch_size = 1
    return config.lock()
