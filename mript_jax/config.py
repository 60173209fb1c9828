"""What a training config holds: every field but the model's, documented where it is defined.

The files of `configs/` start from `base_config()` and change what makes them different; the
`model` group is theirs, since its fields are those of the model's class.
"""

import functools
import importlib.util
import logging
import math
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FieldReference

from mript_jax.config_files import config_path
from mript_jax.data.readers import READERS
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.physics.artifacts import ARTIFACTS
from mript_jax.physics.tasks import LEVELS, PATTERN_NAMES

log = logging.getLogger(__name__)

NUMBERS = (  # what numbers, and those in tuples, must be; NaN and infinity are never right
    (
        "1 or more",
        lambda n: 1 <= n < math.inf,
        """total_steps global_batch_size keep_checkpoints log_every_steps data.accelerations
        optimizer.max_nonfinite evaluation.batch_size evaluation.accelerations""",
    ),
    (
        "0 or more",
        lambda n: 0 <= n < math.inf,
        """seed checkpoint_every_steps evaluate_every_steps profile_steps data.max_slices data.crop
        data.workers data.max_broken data.noise optimizer.learning_rate optimizer.warmup_steps
        optimizer.weight_decay optimizer.clip_l1 optimizer.clip_l2 optimizer.images_at_once
        optimizer.lora_rank evaluation.max_slices""",
    ),
    (
        "from 0 to 1",
        lambda n: 0 <= n <= 1,
        " ".join(f"data.artifacts.{name}" for name in ARTIFACTS)
        + " data.center_fractions evaluation.center_fractions",
    ),
    ("from 0.5 to 1", lambda n: 0.5 <= n <= 1, "data.partial_fourier"),
    ("above 0 and at most 1", lambda n: 0 < n <= 1, "optimizer.layer_decay"),
    (
        "0 or more and below 1",
        lambda n: 0 <= n < 1,
        "optimizer.b1 optimizer.b2 optimizer.ema_decay",
    ),
)


def base_config() -> ConfigDict:
    """The fields that all experiments share, with values that suit the paper's protocol."""
    config = ConfigDict()
    config.seed = 0  # of everything random: data order, masks, initial weights
    config.total_steps = 1000  # updates of the weights
    config.global_batch_size = 16  # examples in one update, over all devices and micro-batches
    config.checkpoint_every_steps = 500  # 0: only at the end
    config.keep_checkpoints = 3  # the newest ones stay
    config.log_every_steps = 20  # loss, speed and so on
    config.evaluate_every_steps = 0  # validation while training; 0: never
    config.mesh = "data:-1"  # axes data, fsdp, model; -1: all devices that are left
    config.init_from = ""  # a checkpoint to start from: fine-tuning
    config.loss = "l1"  # or l2, ssim, l1_ssim, ...: see training/losses.py
    config.compilation_cache = ""  # folder for compiled programs, which later runs need not compile
    config.wandb = ""  # a project of Weights & Biases that is told the figures too
    config.profile_steps = 0  # so many steps are traced into workdir/profile, from step 10 on

    config.data = data = ConfigDict()
    data.source = "phantom"  # see data/readers
    data.path = ""  # file or folder of the data; the phantoms need none
    data.options = ConfigDict()  # what a reader takes besides a path, by reader
    data.options.phantom = phantom = ConfigDict()
    phantom.seed = 1  # other subjects for another seed
    phantom.count = 1600  # subjects, of one slice each
    phantom.size = 128  # pixels of a side
    data.options.generated = generated = ConfigDict()
    generated.seed = 1  # other objects for another seed
    generated.count = 100_000  # objects; none is stored, so that many cost nothing
    generated.size = 128  # pixels of a side
    data.options.fastmri = fastmri = ConfigDict()
    fastmri.skip_ends = 0  # slices left out at both ends of a volume (MR-IPT: 5)
    fastmri.acquisition = ""  # only volumes of these, such as "CORPD_FBK,CORPDFS_FBK"; "": all
    fastmri.kspace = True  # False reads much faster, where undersampling is that of the image
    data.options.images = ConfigDict({"group": "file"})  # a volume, never split; or "folder"
    data.options.radimagenet = radimagenet = ConfigDict()
    radimagenet.labels = ""  # only what this CSV file of the data set names; "": all
    radimagenet.anatomy = ""  # only these, such as "brain,knee"; "": all
    radimagenet.block = 50  # files in a row that count as one patient, never split
    data.options.nifti = ConfigDict({"plane": "axial"})  # or coronal, sagittal
    data.options.dicom = ConfigDict({"series": "*"})  # only of such a description: "*T2*"
    data.mixture = ()  # (source, path, weight) of data trained on too; those above have weight 1
    data.random_crops = False  # photographs: random squares, mirrored and turned
    data.split_fractions = (0.8, 0.1, 0.1)  # train, validation, test: shares of the volumes
    data.splits_file = ""  # JSON file of volumes by split, instead of the shares
    data.max_slices = 0  # use so many training slices (few-shot studies); 0: all
    data.crop = 0  # pixels: center crop (zero-padded where smaller) before resizing; 0: none
    # Slices are resized to so many pixels: one number, or (height, width).
    data.image_size = FieldReference(224, field_type=object)
    data.patterns = PATTERN_NAMES  # sampling patterns; the position is the pattern index
    # How many times fewer lines or points are sampled; the position is the level index.
    data.accelerations = tuple(r for r, _ in LEVELS)
    # The share of k-space around its center that is always sampled, for each acceleration.
    data.center_fractions = tuple(c for _, c in LEVELS)
    data.pattern_weights = ()  # how often each pattern is trained on; none: all alike
    data.acceleration_weights = ()  # the same for accelerations
    # What is undersampled: "image", simulated k-space of the magnitude; where k-space was measured,
    # "complex", that of the image with its phase, or "kspace", the measured one itself.
    data.undersampling = "image"
    data.phase_encodes = "columns"  # or "rows"
    data.partial_fourier = 1.0  # from 0.5: this share of the lines can be sampled at all
    data.noise = 0.0  # standard deviation of noise in k-space; an image's maximum is 1
    # Severities, from 0 (none) to 1 (a scan that would be repeated): see physics/artifacts.py
    data.artifacts = ConfigDict(dict.fromkeys(ARTIFACTS, 0.0))
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
    optimizer.b1 = 0.9  # Adam's running mean of the gradient: the share kept in an update
    optimizer.b2 = 0.999  # the same of its square
    optimizer.clip_l2 = 0.0  # largest global L2 norm of the gradient; 0: no clipping
    optimizer.clip_l1 = 0.0  # the same for its L1 norm
    optimizer.images_at_once = 0  # of a device, which works its share off in parts; 0: all
    # The share that a running average of the weights, used in evaluation, keeps; 0: none.
    optimizer.ema_decay = 0.0
    optimizer.layer_decay = 1.0  # rate of an encoder block over that of the next one; 1: all alike
    optimizer.freeze = ()  # name patterns (regular expressions) of parameters that stay
    optimizer.lora_rank = 0  # above 0: only adapters of this rank are trained (init_from)
    optimizer.max_nonfinite = 10  # updates skipped in a row for NaN or infinity before stopping

    config.evaluation = evaluation = ConfigDict()
    evaluation.split = "test"  # or validation, train; "all" takes every slice
    evaluation.max_slices = 64  # of the split, in each task; 0: all
    evaluation.batch_size = 16  # slices at once; results do not depend on it
    evaluation.protocol = "mript_paper"  # or fastmri_official: see evaluation/protocols.py
    evaluation.patterns = PATTERN_NAMES  # each at each acceleration is a task; as in `data`
    evaluation.accelerations = tuple(r for r, _ in LEVELS)
    evaluation.center_fractions = tuple(c for _, c in LEVELS)  # one for each acceleration
    return config


def load_config_file(path: str | Path, *arguments: str) -> ConfigDict:
    """The config of a file, or of one of `configs/` by its name.

    `arguments` are those of its get_config, as "FILE:argument" gives them on the command line.
    """
    path = config_path(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(*arguments)


def derive_config(config: ConfigDict, changes: Mapping[str, Any] | None = None) -> ConfigDict:
    """A copy that differs by `changes`: its other fields follow `config`'s until they are set."""
    copy = _followers(config, {}).lock()
    copy.update(changes or {})
    return copy


def flatten_config(config: ConfigDict, prefix: str = "") -> dict[str, Any]:
    """The values of all fields, by their names from the top, such as data.path."""
    fields = {}
    for name, value in config.items():
        below = isinstance(value, ConfigDict)
        fields |= flatten_config(value, f"{prefix}{name}.") if below else {prefix + name: value}
    return fields


def unknown_fields(config: ConfigDict) -> list[str]:
    """The names of fields that do not exist.

    A model's fields are for its class to check, and options for the reader that takes them.
    """
    elsewhere = ("model.", *(f"data.options.{source}." for source in READERS))
    known = flatten_config(base_config())
    return [
        name
        for name in flatten_config(config)
        if name not in known and not name.startswith(elsewhere)
    ]


def drop_unknown_fields(config: ConfigDict) -> ConfigDict:
    """The config of an earlier version, without the fields that are no more."""
    with config.unlocked():
        for name in unknown_fields(config):
            *groups, field = name.split(".")
            del functools.reduce(ConfigDict.__getitem__, groups, config)[field]
    return config


def check_config(config: ConfigDict) -> None:
    """Refuses fields that do not exist and values that cannot be, before anything is computed."""
    for name in unknown_fields(config):
        raise unknown_name_error("config field", name, flatten_config(base_config()))
    values = flatten_config(config)
    for must_be, right, names in NUMBERS:
        for name in names.split():
            value = values[name]
            numbers = value if isinstance(value, tuple | list) else (value,)
            if not all(isinstance(n, Real) and right(n) for n in numbers):
                raise UserError(f"config.{name}={value!r} must be {must_be}")
    if config.optimizer.warmup_steps > config.total_steps:  # as in trial runs of a few steps
        log.warning(
            "config.optimizer.warmup_steps=%d is more than config.total_steps=%d: "
            "the learning rate never reaches its peak",
            config.optimizer.warmup_steps,
            config.total_steps,
        )
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
    if config.data.undersampling not in ("image", "complex", "kspace"):
        raise UserError(
            f"config.data.undersampling={config.data.undersampling!r}; use 'image', 'complex' or "
            "'kspace'"
        )
    for field in config.data.fields:
        if field != "kspace":
            raise UserError(f"config.data.fields={config.data.fields}: only 'kspace' can be added")
    if config.data.undersampling == "kspace" and "kspace" in config.data.fields:
        raise UserError(
            "config.data.undersampling='kspace' keeps each coil's k-space to itself; "
            "config.data.fields with 'kspace' need 'image' or 'complex'"
        )
    if config.data.scale not in ("target", "zero_filled"):
        raise UserError(f"config.data.scale={config.data.scale!r}; use 'target' or 'zero_filled'")


def _followers(config: ConfigDict, known: dict[int, FieldReference]) -> ConfigDict:
    """Fields that share a value in `config` (the image size) share one in the copy too."""
    copy = ConfigDict()
    for name in config:
        if isinstance(config[name], ConfigDict):
            copy[name] = _followers(config[name], known)
        else:
            followed = config.get_ref(name)
            copy[name] = known.setdefault(id(followed), followed.identity())
    return copy
