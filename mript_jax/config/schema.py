"""The fields of a training config, but for the model's: default, type, limits and meaning of each.

A model's fields stand in its class. Where a table elsewhere has the choices, "module:NAME" says
where: the modules of training and evaluation stand above this one.
"""

import dataclasses

from mript_jax.data.generated.objects import KINDS
from mript_jax.data.phantom.slices import ANATOMIES
from mript_jax.data.readers import READERS
from mript_jax.data.simulation import NOISE, NOISE_FREE
from mript_jax.fields import field
from mript_jax.physics.artifacts import ARTIFACTS
from mript_jax.physics.masks import PATTERNS
from mript_jax.physics.tasks import LEVELS, PATTERN_NAMES

ACCELERATIONS = tuple(r for r, _ in LEVELS)
CENTER_FRACTIONS = tuple(c for _, c in LEVELS)

Artifacts = dataclasses.make_dataclass(
    "Artifacts",
    [
        (
            name,
            float,
            field(0.0, "severity: 0, none, to 1, a scan to repeat", at_least=0, at_most=1),
        )
        for name in ARTIFACTS
    ],
    frozen=True,
)
NO_ARTIFACTS = Artifacts()


@dataclasses.dataclass(frozen=True)
class Phantom:
    seed: int = field(1, "another seed shows other subjects", at_least=0)
    count: int = field(1600, "subjects, of one slice each", at_least=1)
    size: int | tuple[int, int] = field(
        128, "pixels of a slice", at_least=16, form="an integer or (height, width)"
    )
    anatomies: tuple[str, ...] = field(
        tuple(ANATOMIES), "anatomies of the subjects", choices=ANATOMIES
    )


@dataclasses.dataclass(frozen=True)
class Generated:
    seed: int = field(1, "another seed gives other objects", at_least=0)
    count: int = field(100_000, "objects; none is stored, so that many cost nothing", at_least=1)
    size: int | tuple[int, int] = field(
        128, "pixels of an object", at_least=16, form="an integer or (height, width)"
    )
    kinds: tuple[str, ...] = field(KINDS, "what the objects are drawn from", choices=KINDS)


@dataclasses.dataclass(frozen=True)
class FastMRI:
    skip_ends: int = field(
        0, "slices left out at both ends of a volume (MR-IPT's paper: 5)", at_least=0
    )
    acquisition: str = field("", 'only volumes of these, such as "CORPD_FBK,CORPDFS_FBK"; "": all')
    kspace: bool = field(True, "False reads faster, where undersampling is that of the image")


@dataclasses.dataclass(frozen=True)
class Images:
    group: str = field(
        "file", "what counts as one volume, which is never split", choices=("file", "folder")
    )


@dataclasses.dataclass(frozen=True)
class RadImageNet:
    modality: str = field("MR", "modality of the images", choices=("MR", "CT", "US"))
    labels: str = field("", 'only the images that this CSV file of the dataset names; "": all')
    anatomy: str = field("", 'only these, such as "brain,knee"; "": all')
    block: int = field(50, "files in a row that count as one patient, never split", at_least=1)


@dataclasses.dataclass(frozen=True)
class Nifti:
    plane: str = field("axial", "the plane of the slices", choices=("axial", "coronal", "sagittal"))
    skip_blank: bool = field(True, "slices without an object are left out")


@dataclasses.dataclass(frozen=True)
class Dicom:
    modality: str = field("MR", "modality of the series, as DICOM names it")
    series: str = field("*", 'only series of such a description: "*T2*"')


@dataclasses.dataclass(frozen=True)
class Numpy:
    coils: str = field(
        "auto", "whether the first of three axes is that of coils", choices=("auto", "yes", "no")
    )
    axes: str = field(
        "", "the axes in their order, of s(lice), c(oil), h and w; '': by their number"
    )
    mask: str = field("", "file of the undersampling mask, .npy; '': that of each file, if any")


@dataclasses.dataclass(frozen=True)
class Options:
    """Arguments of the readers besides a path."""

    phantom: Phantom = Phantom()
    generated: Generated = Generated()
    fastmri: FastMRI = FastMRI()
    images: Images = Images()
    radimagenet: RadImageNet = RadImageNet()
    nifti: Nifti = Nifti()
    dicom: Dicom = Dicom()
    numpy: Numpy = Numpy()


@dataclasses.dataclass(frozen=True)
class Simulation:
    """Complex, multi-coil scans that are simulated of images: see data/simulation.py."""

    coils: tuple[int, ...] = field(
        (1,),
        "numbers of coils: each training batch draws one; evaluations take the first",
        at_least=1,
    )
    noise: tuple[float, float] = field(
        NOISE,
        "lowest and highest standard deviation of a coil's noise, drawn by its logarithm; an "
        "image's maximum is 1; evaluations: 0.005",
        above=0,
    )
    noise_free: float = field(
        NOISE_FREE, "share of the training scans without noise", at_least=0, at_most=1
    )
    phase: float = field(1.0, "strength of the phase in training; evaluations: 1", at_least=0)
    augment: bool = field(
        True, "training images are flipped, and change contrast, shading and resolution"
    )


@dataclasses.dataclass(frozen=True)
class Data:
    source: str = field("phantom", "the reader, see data/readers", choices=READERS)
    path: str = field("", "file or folder of the data; phantoms need none")
    options: Options = Options()
    mixture: tuple[tuple[str, str, float], ...] = field(
        (),
        "further datasets to train on; the one above has weight 1",
        above=0,
        form="a tuple of (source, path, weight), the weight a number",
    )
    random_crops: bool = field(False, "photographs: random squares, flipped and rotated")
    split_fractions: tuple[float, float, float] = field(
        (0.8, 0.1, 0.1),
        "shares of the volumes in train, validation and test",
        at_least=0,
        at_most=1,
    )
    splits_file: str = field("", "JSON file of volumes by split, instead of the shares")
    max_slices: int = field(
        0, "number of training slices in use (few-shot studies); 0: all", at_least=0
    )
    crop: int = field(
        0,
        "pixels of the center crop (zero-padded where smaller) before resizing; 0: none",
        at_least=0,
    )
    image_size: int | tuple[int, int] = field(
        224,
        "pixels that slices are resized to; measured k-space is not: its readout is cropped to "
        "them, and they are the most phase-encoding lines, around which zeros are added",
        at_least=1,
        form="an integer or (height, width)",
    )
    patterns: tuple[str, ...] = field(
        PATTERN_NAMES, "sampling patterns; the position is the pattern index", choices=PATTERNS
    )
    accelerations: tuple[float, ...] = field(
        ACCELERATIONS, "acceleration factors R; the position is the level index", at_least=1
    )
    center_fractions: tuple[float, ...] = field(
        CENTER_FRACTIONS,
        "share of k-space in the autocalibration region, for each acceleration",
        at_least=0,
        at_most=1,
    )
    pattern_weights: tuple[float, ...] = field(
        (), "relative frequency of each pattern in training; none: all alike", at_least=0
    )
    acceleration_weights: tuple[float, ...] = field(
        (), "relative frequency of each acceleration in training; none: all alike", at_least=0
    )
    continuous_accelerations: tuple[float, ...] = field(
        (),
        "lowest and highest: training draws any acceleration between them, by its logarithm, with "
        "the center fraction that is usual for it and the index of the nearest level; none: the "
        "levels alone",
        at_least=1,
    )
    undersampling: str = field(
        "image",
        "retrospective undersampling of the magnitude image's k-space, of a simulated scan's, or "
        "where k-space was measured, of the complex image's or of the measured one itself; split: "
        "its samples in two, for the loss self_supervised",
        choices=("image", "complex", "kspace", "simulated", "split"),
    )
    simulation: Simulation = Simulation()
    coils: int = field(
        8,
        "virtual coils that measured k-space is compressed to, for models that read it",
        at_least=1,
    )
    target: str = field(
        "rss",
        "the image of measured coils to train for, where models read k-space: their root sum of "
        "squares, or 'sense', combined by the sensitivity maps of the full scan; of simulated "
        "scans both are the same. Evaluations: rss",
        choices=("rss", "sense"),
    )
    phase_encodes: str = field(
        "columns", "lines of k-space that are sampled or left out", choices=("columns", "rows")
    )
    partial_fourier: float = field(
        1.0, "share of the phase-encoding lines that can be sampled at all", at_least=0.5, at_most=1
    )
    noise: float = field(
        0.0,
        "standard deviation of noise in k-space; an image's maximum is 1; of simulated scans in "
        "evaluations alone, instead of 0.005",
        at_least=0,
    )
    artifacts: Artifacts = NO_ARTIFACTS  # type: ignore[valid-type]  # a class made from a table
    # A scan to reconstruct has no target: only the zero-filled image's maximum is known in use.
    # "target" reproduces the papers, whose networks are trained on slices divided by it.
    normalize_by: str = field(
        "zero_filled",
        "the image whose maximum a slice is divided by; 'target' reproduces the papers, "
        "'zero_filled' is what reconstruction has",
        choices=("zero_filled", "target"),
    )
    workers: int = field(
        0, "processes that prepare examples; 0: threads of this process", at_least=0
    )
    max_broken: int = field(
        10, "unreadable slices that are left out and counted before a run stops", at_least=0
    )


@dataclasses.dataclass(frozen=True)
class Optimizer:
    name: str = field("adam", "the update rule", choices="mript_jax.training.optimizer:OPTIMIZERS")
    learning_rate: float = field(
        1e-5, "the schedule's peak; most configs set their own", at_least=0
    )
    schedule: str = field(
        "constant",
        "learning rate over steps after the warmup",
        choices="mript_jax.training.optimizer:SCHEDULES",
    )
    warmup_steps: int = field(
        0, "steps of linear warmup, from 0 (one_cycle: from 1/25 of the peak)", at_least=0
    )
    weight_decay: float = field(
        0.0, "weight decay of adamw and muon, on matrices and kernels only", at_least=0
    )
    b1: float = field(0.9, "decay of Adam's first moment", at_least=0, below=1)
    b2: float = field(0.999, "decay of Adam's second moment", at_least=0, below=1)
    dense_factor: float = field(
        1.0, "learning rate of dense layers over that of all other parameters", above=0
    )
    clip_l2: float = field(
        0.0, "largest global L2 norm of the gradient; 0: no clipping", at_least=0
    )
    clip_l1: float = field(
        0.0, "largest global L1 norm of the gradient; 0: no clipping", at_least=0
    )
    micro_batch_size: int = field(
        0,
        "examples per device at once; gradients of the micro-batches are accumulated; 0: all",
        at_least=0,
    )
    ema_decay: float = field(
        0.0,
        "decay of the weights' moving average, which evaluation uses; 0: none",
        at_least=0,
        below=1,
    )
    layer_decay: float = field(
        1.0,
        "learning rate of an encoder block over that of the next one; 1: all alike",
        above=0,
        at_most=1,
    )
    freeze: tuple[str, ...] = field(
        (), "regular expressions; parameters whose name matches are not trained"
    )
    lora_rank: int = field(
        0, "above 0: only adapters of this rank are trained (with init_from)", at_least=0
    )
    max_nonfinite: int = field(
        10, "updates skipped in a row for NaN or infinity before a run stops", at_least=1
    )


@dataclasses.dataclass(frozen=True)
class Evaluation:
    split: str = field(
        "test",
        "volumes to evaluate on; all: every slice",
        choices=("train", "validation", "test", "all"),
    )
    max_slices: int = field(64, "slices of the split in each task; 0: all", at_least=0)
    batch_size: int = field(16, "slices at once; results do not depend on it", at_least=1)
    protocol: str = field(
        "mript_paper",
        "how estimates are scored, see evaluation/protocols.py",
        choices="mript_jax.evaluation.protocols:PROTOCOLS",
    )
    patterns: tuple[str, ...] = field(
        PATTERN_NAMES, "each at each acceleration is a task", choices=PATTERNS
    )
    accelerations: tuple[float, ...] = field(
        ACCELERATIONS, "acceleration factors R of the tasks", at_least=1
    )
    center_fractions: tuple[float, ...] = field(
        CENTER_FRACTIONS, "one for each acceleration", at_least=0, at_most=1
    )


@dataclasses.dataclass(frozen=True)
class Training:
    """A training config: every field that all experiments share."""

    seed: int = field(0, "root of all randomness: data order, masks, initial weights", at_least=0)
    total_steps: int = field(1000, "updates of the weights", at_least=1)
    global_batch_size: int = field(
        16, "examples of one update, over all devices and micro-batches", at_least=1
    )
    checkpoint_every_steps: int = field(
        500, "steps between checkpoints; 0: only at the end", at_least=0
    )
    keep_checkpoints: int = field(3, "checkpoints that stay, the newest ones", at_least=1)
    log_every_steps: int = field(20, "steps between lines of loss, speed and so on", at_least=1)
    evaluate_every_steps: int = field(
        500, "steps between validations, with PSNR and a picture; 0: never", at_least=0
    )
    mesh: str = field(
        "data:-1", "sizes of the device axes data, fsdp and model; -1: all devices that are left"
    )
    init_from: str = field("", "a checkpoint to start from: fine-tuning")
    loss: str = field(
        "l1",
        "what training minimizes, see training/losses.py",
        choices="mript_jax.training.losses:LOSSES",
    )
    matmul_precision: str = field(
        "highest",
        "precision of products of float32 on accelerators, as JAX names it: highest is float32, "
        "high and default round to TensorFloat32 or bfloat16; bfloat16 stays as it is",
        choices=("highest", "high", "default"),
    )
    compilation_cache: str = field(
        "", "folder of compiled programs, for later runs to use; default: the user's cache folder"
    )
    wandb: str = field("", "a project of Weights & Biases that gets the metrics too")
    profile_steps: int = field(0, "steps traced into workdir/profile, from step 10 on", at_least=0)
    data: Data = Data()
    optimizer: Optimizer = Optimizer()
    evaluation: Evaluation = Evaluation()
