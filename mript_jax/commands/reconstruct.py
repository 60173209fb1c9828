"""Reconstructs scan files, by the model that comes with the package or by another method.

  mript reconstruct --input=scan.h5 --output=runs/images
  mript reconstruct --input=FOLDER --output=runs/images --save=nifti,png --uncertainty
  mript reconstruct --input=scan.cfl --output=runs/images --method=tv,sense,zero_filled
  mript reconstruct --checkpoint=runs/tiny --input=head.nii.gz --output=runs/images \\
      --option=plane=sagittal --pattern=cartesian_equispaced --acceleration=8

Formats are recognized from the content. The sampling mask is the file's own. A fully sampled file
is undersampled first, by --pattern and --acceleration, and then the result is compared with its
reference. Exit status 0: all was reconstructed; 1: some was left out, with a line each; 2: nothing
could be done.
"""

import sys
from pathlib import Path

from absl import flags

from mript_jax import cli
from mript_jax.errors import UserError


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_string("input", None, "A scan file, a folder of them, or a name with wildcards.")
    flags.DEFINE_string("output", None, "Folder for the results, named after the input's files.")
    flags.DEFINE_string(
        "checkpoint",
        "small",
        "A run's folder, one step in it, a file of weights, or a model's name (mript models).",
    )
    flags.DEFINE_list(
        "method",
        [],
        "The checkpoint's model (such as unrolled), tv, wavelet, sense, zero_filled: the first is "
        "the result, others stand beside it. None: the checkpoint's model.",
    )
    flags.DEFINE_list(
        "save", ["h5", "png"], "Formats of the results: h5, nifti, dicom, mrd, cfl, npy, png."
    )
    flags.DEFINE_string(
        "format", "", "A reader of mript_jax/data/readers, instead of the recognized one."
    )
    flags.DEFINE_multi_string(
        "option", [], "name=value for the reader, such as plane=sagittal or coils=yes."
    )
    flags.DEFINE_string("pattern", "cartesian_random", "How to undersample a fully sampled file.")
    flags.DEFINE_float("acceleration", 4.0, "How much to undersample a fully sampled file.")
    flags.DEFINE_bool(
        "uncertainty", False, "Estimate that of each pixel; takes three times as long."
    )
    flags.DEFINE_bool("keep_identity", False, "DICOM results name the patient of the source.")


def main() -> None:
    values = cli.FLAGS
    cli.warnings_as_lines()
    cli.required(checkpoint=values.checkpoint, input=values.input, output=values.output)
    if values.acceleration < 1:
        raise UserError(f"--acceleration={values.acceleration} must be 1 or more")
    output, source = Path(values.output), Path(values.input)
    _refuse_among_scans(output, source)
    from mript_jax.data.readers.recognize import find_scans
    from mript_jax.inference.files import Work, reconstruct_files
    from mript_jax.inference.methods import build_methods
    from mript_jax.inference.provenance import checkpoint_provenance
    from mript_jax.inference.save import check_formats
    from mript_jax.physics.tasks import make_task

    check_formats(values.save)
    task = make_task(values.pattern, values.acceleration)
    options = cli.name_value_pairs("option", values.option)
    scans = find_scans(source, values.format, options)
    methods, network = build_methods(values.method, values.checkpoint)
    provenances = {}
    if network is not None:
        name = network.config.model.name
        provenances[name] = checkpoint_provenance(values.checkpoint, name)
    output.mkdir(parents=True, exist_ok=True)
    work = Work(
        methods,
        network,
        task,
        output,
        formats=values.save,
        provenances=provenances,
        with_uncertainty=values.uncertainty,
        keep_identity=values.keep_identity,
        debug=values.debug,
    )
    outcome = reconstruct_files(scans, work)
    if outcome.done + outcome.skipped > 1:
        print(f"{output}: {outcome.summary()}")
    if outcome.skipped or outcome.broken:
        sys.exit(1 if outcome.done else 2)


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
