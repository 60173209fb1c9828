"""Writes a scan of a generated head in the format of your choice: a file to try things on.

mript get-phantom --format=ismrmrd --output=head.h5 --coils=8
mript get-phantom --format=cfl --output=head.cfl --acceleration=4
mript get-phantom --format=dicom --output=head

At an acceleration above 1 the scan is undersampled, as a scanner would have done it.
"""

from pathlib import Path

from absl import flags

from mript_jax import cli


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_string("format", None, "fastmri, ismrmrd, cfl (BART), npy, dicom or nifti.")
    flags.DEFINE_string("output", None, "The file to write; for DICOM the folder.")
    flags.DEFINE_integer("slices", 4, "Slices of the scan.")
    flags.DEFINE_integer("size", 128, "Height and width of a slice.")
    flags.DEFINE_integer("coils", 4, "Receive coils.")
    flags.DEFINE_float("acceleration", 1.0, "Undersampling; 1: a fully sampled scan.")
    flags.DEFINE_string("pattern", "cartesian_random", "Sampling pattern, where undersampled.")
    flags.DEFINE_integer("seed", 0, "Another seed shows another head.")


def main() -> None:
    values = cli.FLAGS
    cli.required(format=values.format, output=values.output)
    for name, least in (("slices", 1), ("coils", 1), ("size", 16), ("acceleration", 1)):
        cli.at_least(least, name)
    from mript_jax.data.phantom.files import write_phantom
    from mript_jax.data.phantom.scan import HeadScan

    scan = HeadScan(
        slices=values.slices,
        size=values.size,
        coils=values.coils,
        acceleration=values.acceleration,
        pattern=values.pattern,
        seed=values.seed,
    )
    path = write_phantom(Path(values.output), values.format, scan)
    print(f"{path}: {scan.summary()}")
