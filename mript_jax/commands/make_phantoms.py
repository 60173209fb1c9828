"""Writes fastMRI-format scan files of generated anatomy: data to try things on.

mript make_phantoms --output=runs/scans --volumes=4 --slices=8 --size=128
"""

from pathlib import Path

from absl import flags

from mript_jax import cli


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_string("output", None, "Folder for the .h5 files.")
    flags.DEFINE_integer("volumes", 4, "How many files.")
    flags.DEFINE_integer("slices", 8, "Slices in a file.")
    flags.DEFINE_integer("size", 128, "Height and width of a slice.")
    flags.DEFINE_integer("coils", 1, "Receive coils; 1: single-coil files.")
    flags.DEFINE_integer("seed", 0, "Another seed shows other subjects.")


def main() -> None:
    cli.required(output=cli.FLAGS.output)
    for name in ("volumes", "slices", "coils"):
        cli.at_least(1, name)
    from mript_jax.data.phantom.volume import write_fastmri_h5

    folder = Path(cli.FLAGS.output)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(cli.FLAGS.volumes):
        path = folder / f"phantom_{cli.FLAGS.seed}_{index:03d}.h5"
        if not path.exists():
            write_fastmri_h5(
                path,
                cli.FLAGS.seed,
                index,
                slices=cli.FLAGS.slices,
                size=cli.FLAGS.size,
                coils=cli.FLAGS.coils,
            )
    print(f"{cli.FLAGS.volumes} volumes of {cli.FLAGS.slices} slices: {folder}")
