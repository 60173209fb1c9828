"""Fine-tunes a model on your own scans, and measures it before and after on held-out ones.

  mript finetune --input=FOLDER_OF_SCANS --output=runs/ours
  mript finetune --input=FOLDER_OF_SCANS --output=runs/ours --pattern=cartesian_equispaced \\
      --acceleration=6 --minutes=30 --adapters
  mript finetune --input=FOLDER_OF_UNDERSAMPLED_SCANS --output=runs/ours --self_supervised

Volumes are split, by patient, into those to train on and those to measure on. Run again with the
same --output, it resumes. With --config it is `mript train` from the weights of a checkpoint:

  mript finetune --config=mript_fastmri --workdir=runs/knee --config.init_from=runs/radimagenet \\
      --config.data.path=FOLDER_OF_H5
"""

from pathlib import Path

from absl import flags

from mript_jax import cli
from mript_jax.commands import train
from mript_jax.errors import UserError

MINUTES = 10.0  # of training on one's own scans
FORMATS = {  # reader -> endings
    "nifti": (".nii", ".nii.gz", ".mgz"),
    "dicom": (".dcm", ".ima"),
    "images": (".png", ".jpg", ".jpeg", ".tif", ".tiff"),
    "numpy": (".npy",),
    "cmrxrecon": (".mat",),
}


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_string("input", None, "Folder of scans, of 5 to 50 volumes.")
    flags.DEFINE_string("output", None, "Folder for the weights and the report.")
    flags.DEFINE_string("format", "", "A reader of mript_jax/data/readers; else recognized.")
    flags.DEFINE_string("checkpoint", "small", "The weights to start from: a run, file or name.")
    flags.DEFINE_bool("adapters", False, "Train adapters of few numbers instead of all weights.")
    flags.DEFINE_bool("self_supervised", False, "Train without references, on samples held out.")
    flags.DEFINE_string("pattern", "cartesian_random", "How fully sampled scans are undersampled.")
    flags.DEFINE_float("acceleration", 4.0, "How much fully sampled scans are undersampled.")
    train.define_flags()


def main() -> None:
    values = cli.FLAGS
    if values.config is not None:
        if not values.config.init_from:
            raise UserError("--config.init_from is needed: the checkpoint to start from")
        train.main()
        return
    cli.required(input=values.input, output=values.output)
    path = cli.existing_path("input", values.input)
    from mript_jax.experiments import own_scans

    scans = own_scans.look_through(values.format or format_of(path), str(path.absolute()))
    task = own_scans.task_of(scans, values.pattern, values.acceleration)
    config = own_scans.plan(
        scans,
        values.checkpoint,
        task,
        adapters=values.adapters,
        self_supervised=values.self_supervised,
    )
    print(own_scans.describe(scans))
    print(own_scans.finetune(config, scans.subjects, values.output, values.minutes or MINUTES))


def format_of(path: Path) -> str:
    """The reader of a file, or of most files in a folder, by their endings."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    names = [file.name.lower() for file in files]
    fitting = {form: sum(name.endswith(FORMATS[form]) for name in names) for form in FORMATS}
    fitting["fastmri"] = sum(name.endswith((".h5", ".hdf5")) for name in names)
    return max(fitting, key=lambda form: fitting[form])
