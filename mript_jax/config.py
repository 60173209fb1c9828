"""What a training config holds: every field but the model's, documented where it is defined.

The files of `configs/` start from `base_config()` and change what makes them different; the
`model` group is theirs, since its fields are those of the model's class.
"""

import importlib.util
from pathlib import Path

from ml_collections import ConfigDict, FieldReference

from mript_jax.errors import UserError
from mript_jax.physics.artifacts import ARTIFACTS
from mript_jax.physics.tasks import LEVELS, PATTERN_NAMES


def base_config() -> ConfigDict:
    """The fields that all experiments share, with values that suit the paper's protocol."""
    config = ConfigDict()
    config.seed = 0  # of everything random: data order, masks, initial weights
    config.total_steps = 1000  # updates of the weights
    config.global_batch_size = 16  # examples in one update, over all devices and micro-batches
    config.checkpoint_every_steps = 500  # 0: only at the end
    config.keep_checkpoints = 3  # the newest ones stay
    config.log_every_steps = 20
    config.evaluate_every_steps = 0  # validation while training; 0: never
    config.mesh = "data:-1"  # axes data, fsdp, model; -1: all devices that are left
    config.init_from = ""  # a checkpoint to start from: fine-tuning
    config.loss = "l1"  # see training/losses.py
    config.compilation_cache = ""  # folder for compiled programs, which later runs need not compile
    config.wandb = ""  # a project of Weights & Biases that is told the figures too
    config.profile_steps = 0  # so many steps are traced into workdir/profile, from step 10 on

    config.data = data = ConfigDict()
    data.source = "phantom"  # see data/readers
    data.path = ""  # file or folder of the data; the phantoms need none
    data.options = ConfigDict()  # what a reader takes besides a path, by reader
    data.options.phantom = ConfigDict({"seed": 1, "count": 1600, "size": 128})
    # kspace=False reads much faster, where undersampling is simulated from the image
    data.options.fastmri = ConfigDict({"skip_ends": 0, "acquisition": "", "kspace": True})
    data.options.images = ConfigDict({"group": "file"})
    data.options.radimagenet = ConfigDict({"labels": "", "anatomy": "", "block": 50})
    data.options.nifti = ConfigDict({"plane": "axial"})
    data.options.dicom = ConfigDict({"series": "*"})
    data.mixture = ()  # (source, path, weight) of data trained on too; those above have weight 1
    data.random_crops = False  # photographs: random squares, mirrored and turned
    data.split_fractions = (0.8, 0.1, 0.1)  # train, validation, test: shares of the volumes
    data.splits_file = ""  # a published split instead of the shares
    data.max_slices = 0  # use so many training slices (few-shot studies); 0: all
    data.crop = 0  # center crop (zero-padded where smaller) before resizing; 0: none
    # Slices are resized to this: one number, or (height, width).
    data.image_size = FieldReference(224, field_type=object)
    data.patterns = PATTERN_NAMES  # sampling patterns; the position is the pattern index
    data.accelerations = tuple(r for r, _ in LEVELS)  # the position is the level index
    data.center_fractions = tuple(c for _, c in LEVELS)  # one for each acceleration
    data.pattern_weights = ()  # how often each pattern is trained on; none: all alike
    data.acceleration_weights = ()  # the same for accelerations
    data.undersampling = "image"  # its simulated k-space; "kspace": the measured one, if there is
    data.phase_encodes = "columns"  # or "rows"
    data.partial_fourier = 1.0  # from 0.5: this share of the lines can be sampled at all
    data.noise = 0.0  # standard deviation of noise in k-space; an image's maximum is 1
    data.artifacts = ConfigDict(dict.fromkeys(ARTIFACTS, 0.0))  # severities, 0 to 1
    data.scale = "target"  # a slice is divided by the maximum of its "target" or "zero_filled"
    data.fields = ()  # "kspace": batches carry the target's k-space too
    data.workers = 0  # processes that prepare examples; 0: threads of this process
    data.max_broken = 10  # so many broken slices are left out and counted; then the run stops

    config.optimizer = optimizer = ConfigDict()
    optimizer.name = "adam"  # or adamw, muon
    optimizer.learning_rate = 1e-5  # the schedule's peak
    optimizer.schedule = "constant"  # or one_cycle, cosine
    optimizer.warmup_steps = 0  # linear, from 0 (one_cycle: from 1/25 of the peak)
    optimizer.weight_decay = 0.0  # adamw's and muon's, on matrices and kernels only
    optimizer.b1 = 0.9
    optimizer.b2 = 0.999
    optimizer.clip_l2 = 0.0  # largest global L2 norm of the gradient; 0: no clipping
    optimizer.clip_l1 = 0.0  # the same for its L1 norm
    optimizer.images_at_once = 0  # of a device, which works its share off in parts; 0: all
    optimizer.ema_decay = 0.0  # running average of the weights, used in evaluation; 0: none
    optimizer.layer_decay = 1.0  # rate of an encoder block over that of the next one
    optimizer.freeze = ()  # name patterns (regular expressions) of parameters that stay
    optimizer.lora_rank = 0  # above 0: only adapters of this rank are trained (init_from)
    optimizer.max_nonfinite = 10  # updates skipped in a row for NaN or infinity before stopping

    config.evaluation = evaluation = ConfigDict()
    evaluation.split = "test"
    evaluation.max_slices = 64  # 0: all
    evaluation.batch_size = 16
    evaluation.protocol = "mript_paper"
    evaluation.patterns = PATTERN_NAMES
    evaluation.accelerations = tuple(r for r, _ in LEVELS)
    evaluation.center_fractions = tuple(c for _, c in LEVELS)
    return config


def load_config(path: str | Path, *arguments: str) -> ConfigDict:
    """The config of a file of `configs/`, for one that builds on another.

    `arguments` are those of its get_config, as "FILE:argument" gives them on the command line.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no config file at {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(*arguments)


def check_config(config: ConfigDict) -> None:
    """Refuses values that cannot be, before anything is computed."""
    _at_least(config, 1, "total_steps", "global_batch_size", "keep_checkpoints", "log_every_steps")
    _at_least(config, 0, "seed", "checkpoint_every_steps", "evaluate_every_steps", "profile_steps")
    _at_least(config.data, 0, "max_slices", "crop", "workers", "max_broken", "noise")
    _at_least(config.optimizer, 0, "learning_rate", "warmup_steps", "weight_decay", "lora_rank")
    _at_least(config.optimizer, 0, "images_at_once")
    _at_least(config.optimizer, 1, "max_nonfinite")
    _at_least(config.evaluation, 1, "batch_size")
    size = config.data.image_size
    pair = size if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2 or not all(isinstance(n, int) and n > 0 for n in pair):
        raise UserError(f"config.data.image_size={size!r} must be a number or (height, width)")
    for group in ("data", "evaluation"):
        accelerations, centers = config[group].accelerations, config[group].center_fractions
        if len(accelerations) != len(centers):
            raise UserError(
                f"config.{group} has {len(accelerations)} accelerations and {len(centers)} "
                "center_fractions; each acceleration needs one"
            )
        if not config[group].patterns or not accelerations:
            raise UserError(f"config.{group} needs at least one pattern and one acceleration")
    for weights, of in (("pattern_weights", "patterns"), ("acceleration_weights", "accelerations")):
        values = config.data[weights]
        if values and (len(values) != len(config.data[of]) or min(values) < 0 or not sum(values)):
            raise UserError(
                f"config.data.{weights}={values} must be {len(config.data[of])} numbers of 0 or "
                f"more, one for each of config.data.{of}"
            )
    if config.data.phase_encodes not in ("columns", "rows"):
        raise UserError(f"config.data.phase_encodes={config.data.phase_encodes!r}: columns or rows")
    if config.data.get("undersampling", "image") not in ("image", "kspace"):
        raise UserError(
            f"config.data.undersampling={config.data.undersampling!r}; use 'image' or 'kspace'"
        )
    if config.data.get("undersampling") == "kspace" and "kspace" in config.data.fields:
        raise UserError(
            "config.data.undersampling='kspace' keeps each coil's k-space to itself; "
            "config.data.fields with 'kspace' need 'image'"
        )
    if config.data.scale not in ("target", "zero_filled"):
        raise UserError(f"config.data.scale={config.data.scale!r}; use 'target' or 'zero_filled'")


def image_shape(image_size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a config's image_size, which may be one number."""
    return (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)


def _at_least(group: ConfigDict, least: float, *names: str) -> None:
    for name in names:
        if group[name] < least:
            raise UserError(f"config field {name}={group[name]} must be {least} or more")
