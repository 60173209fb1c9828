"""Reconstructs scan files: one .h5 with `reconstruction` and one preview picture per volume.

  mript reconstruct --input=scan.h5 --output=runs/images
  mript reconstruct --checkpoint=runs/tiny --input=FOLDER --output=runs/images \\
      --pattern=cartesian_equispaced --acceleration=8

The sampling mask is the file's own. A fully sampled file is undersampled first, by --pattern and
--acceleration, and then the result is compared with its reference.
"""

from pathlib import Path

from absl import flags

from mript_jax import cli
from mript_jax.errors import UserError


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_string(
        "checkpoint",
        "small",
        "A run's folder, one step in it, a file of weights, or a model's name (mript models).",
    )
    flags.DEFINE_string("input", None, "A scan file, or a folder of them.")
    flags.DEFINE_string("output", None, "Folder for the volumes and the previews.")
    flags.DEFINE_string(
        "format", "", "A reader of mript_jax/data/readers; else by the file ending."
    )
    flags.DEFINE_string("pattern", "cartesian_random", "How to undersample a fully sampled file.")
    flags.DEFINE_float("acceleration", 4.0, "How much to undersample a fully sampled file.")


def main() -> None:
    values = cli.FLAGS
    cli.required(checkpoint=values.checkpoint, input=values.input, output=values.output)
    source_path = cli.existing_path("input", values.input)
    if values.acceleration < 1:
        raise UserError(f"--acceleration={values.acceleration} must be 1 or more")
    output = Path(values.output)
    _refuse_among_scans(output, source_path)
    from mript_jax.data.readers import open_source
    from mript_jax.inference.reconstruction import load
    from mript_jax.inference.save import save_volume
    from mript_jax.inference.volumes import iterate_volumes, reconstruct_volume
    from mript_jax.physics.tasks import make_task

    task = make_task(values.pattern, values.acceleration)
    reconstruction = load(values.checkpoint)
    output.mkdir(parents=True, exist_ok=True)
    source = open_source(values.format or _format_of(source_path), str(source_path))
    for name, records in iterate_volumes(source):
        result = reconstruct_volume(reconstruction, records, task, name)
        path = save_volume(output, result, ("h5", "png"))[0]
        print(f"{path}: {result.summary()}")


def _format_of(path: Path) -> str:
    """The reader of a file, or of the files in a folder: numpy for .npy, else fastmri."""
    names = [path] if path.is_file() else list(path.iterdir())
    return "numpy" if names and all(name.suffix == ".npy" for name in names) else "fastmri"


def _refuse_among_scans(output: Path, scans: Path) -> None:
    """Refuses to write where scans may be written over, or results be taken for scans later."""
    place = output.resolve()
    if scans.is_dir():
        among = scans.resolve() in (place, *place.parents)
    else:
        among = scans.parent.resolve() == place
    if among:
        raise UserError(
            f"--output={output} is among the scans of --input={scans}, which could be written "
            "over; give a folder beside them"
        )
