"""Turns a data set into sharded ArrayRecord files with an index, which train fastest.

  python launch/prepare_data.py --format=images --input=FOLDER --output=data/images
  python launch/prepare_data.py --format=phantom --count=1600 --size=128 --output=data/phantoms
  python launch/prepare_data.py --format=fastmri --input=FOLDER --output=data/knee --shard=3/16

Killed and run again, it goes on with the shards that are missing. --shard=i/n writes every n-th
shard from the i-th on (cluster job arrays); the last one to end writes the index.
"""

import os
from pathlib import Path

from absl import flags

from mript_jax import cli
from mript_jax.errors import UserError

flags.DEFINE_string("format", None, "What the input is; see mript_jax/data/readers.")
flags.DEFINE_string("input", "", "File or folder of the data (phantoms need none).")
flags.DEFINE_string("output", None, "Folder for the shards.")
flags.DEFINE_multi_string("option", [], "name=value for the reader, such as skip_ends=5.")
flags.DEFINE_integer("count", 1600, "phantom: how many slices.")
flags.DEFINE_integer("size", 224, "phantom: height and width.")
flags.DEFINE_integer("seed", 0, "phantom: another seed shows other subjects.")
flags.DEFINE_integer("records_per_shard", 512, "How many records a shard holds.")
flags.DEFINE_integer("workers", 0, "Processes; 0: one for each core.")
flags.DEFINE_string("shard", "0/1", "i/n: this job's part of the shards.")
flags.DEFINE_integer("max_broken", 100, "So many unusable slices are left out; more stop it.")
flags.DEFINE_bool("verify", False, "Only check an output that is there already.")
flags.DEFINE_bool("preview", False, "Write preview.png, a contact sheet, too.")


def main() -> None:
    values = cli.FLAGS
    cli.required(output=values.output)
    from mript_jax.data import prepare
    from mript_jax.data.readers import open_source

    output = Path(values.output)
    if values.verify:
        print(f"{output}: {prepare.verify(output)} records, all as they were written")
        return
    cli.required(format=values.format)
    if values.records_per_shard < 1:
        raise UserError(f"--records_per_shard={values.records_per_shard} must be 1 or more")
    part, parts = _shard(values.shard)
    options = _options()
    jobs = prepare.plan(
        values.format, values.input, options, output, values.records_per_shard
    )
    output.mkdir(parents=True, exist_ok=True)
    broken = 0
    mine = jobs[part::parts]
    for number, notes in enumerate(
        prepare.write_shards(mine, values.workers or os.cpu_count() or 1), start=1
    ):
        print(f"shard {number}/{len(mine)}: {notes['file']}, {notes['records']} records")
        for line in notes["broken"]:
            print(f"  left out: {line}")
        broken += len(notes["broken"])
        if broken > values.max_broken:
            raise UserError(
                f"{broken} slices cannot be used, more than --max_broken={values.max_broken}"
            )
    try:
        index = prepare.write_index(output, jobs)
    except UserError as error:
        if parts == 1:
            raise
        print(f"{error}; the last job writes the index")
        return
    print(f"{output}: {index['records']} records of {len(index['volumes'])} volumes")
    if values.preview:
        prepare.contact_sheet(open_source("arrayrecord", str(output))).save(output / "preview.png")
        print(f"{output / 'preview.png'}")


def _options() -> dict:
    options = {}
    if cli.FLAGS.format == "phantom":
        options = {key: cli.FLAGS[key].value for key in ("count", "size", "seed")}
    for text in cli.FLAGS.option:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--option={text}: expected name=value")
        options[name] = int(value) if value.lstrip("-").isdigit() else value
    return options


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise UserError(f"--shard={text}: expected i/n with i from 0 to n - 1")
    return int(part), int(parts)


if __name__ == "__main__":
    cli.run(main)
