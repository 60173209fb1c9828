"""Files of our own: ArrayRecord datasets, saved masks, splits and checkpoints."""

import dataclasses
import functools
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mript_jax.data.preparation import dataset, shards
from mript_jax.data.readers.arrayrecord import open_shard
from mript_jax.data.records import Record
from mript_jax.data.splits import read_splits, write_splits
from mript_jax.physics.mask_files import load_mask, save_mask
from mript_jax.physics.masks import draw_mask
from tests.hostile import structure_records, structure_tables
from tests.hostile.damage import damage_bytes
from tests.hostile.samples.pictures import pixels
from tests.hostile.samples.sample import Sample, source

# ArrayRecord


def _arrayrecord(folder: Path) -> None:
    pictures = folder / "pictures"
    for volume in "abc":
        (pictures / volume).mkdir(parents=True)
        for i in range(3):
            picture = Image.fromarray(pixels(i + 10 * ord(volume)))
            picture.save(pictures / volume / f"{i}.png")
    jobs = shards.plan("images", str(pictures), {"group": "folder"}, folder, 3)
    shards.write_shards(jobs, 1, 0)
    dataset.write_index(folder, jobs, (0.8, 0.1, 0.1))


def _arrayrecord_without_seal(folder: Path) -> None:
    """As older versions wrote it: the index has no checksum."""
    _arrayrecord(folder)
    index = json.loads((folder / "dataset.json").read_text())
    del index["checksum"]
    (folder / "dataset.json").write_text(json.dumps(index))


def _recognize_json(path: Path) -> None:
    assert isinstance(json.loads(path.read_text()), dict)


def _recognize_shard(path: Path) -> None:
    open_shard(str(path)).close()


INDEX = Sample(
    write=_arrayrecord,
    target="dataset.json",
    open=source("arrayrecord"),
    recognize=_recognize_json,
    structure=structure_tables.JSON,
    own="",
)
ARRAYRECORD = (
    INDEX,
    Sample(
        write=_arrayrecord,
        target="data-00001-of-00003.arrayrecord",
        open=source("arrayrecord"),
        recognize=_recognize_shard,
        structure=structure_records.RECORDS,
        other_content=frozenset(structure_records.RECORDS_OTHER_CONTENT),
        own="b",
    ),
    dataclasses.replace(INDEX, write=_arrayrecord_without_seal, named=(".arrayrecord",)),
)


# Files of our own that are no datasets: read as records, so that one judge serves all


def _masks(folder: Path) -> None:
    save_mask(folder / "hit.npz", draw_mask("cartesian_random", (12, 16), 4, 0.1, seed=3))


def _open_masks(folder: Path) -> Sequence[Record]:
    mask = load_mask(folder / "hit.npz")
    about = {f.name: getattr(mask, f.name) for f in dataclasses.fields(mask) if f.name != "array"}
    return [Record(None, "hit.npz", 0, mask=mask.array, attributes=about)]


def _recognize_npz(path: Path) -> None:
    np.load(path, allow_pickle=False).close()


MASKS = (
    Sample(
        write=_masks,
        target="hit.npz",
        open=_open_masks,
        recognize=_recognize_npz,
        structure={"member": structure_tables.npz_member},
        other_content=frozenset({"member"}),
    ),
)


def _splits(folder: Path) -> None:
    write_splits(folder / "hit.json", {f"v{i}": ("train", "test")[i % 2] for i in range(6)})


def _open_splits(folder: Path) -> Sequence[Record]:
    splits = read_splits(folder / "hit.json")
    return [Record(None, f"{name} {split}", 0) for name, split in splits.items()]


SPLITS = (
    Sample(
        write=_splits,
        target="hit.json",
        open=_open_splits,
        recognize=_recognize_json,
        structure=structure_tables.JSON,
        own=" ",
        is_list=True,
        structure_share=2 / 3,  # nine of ten other bytes of JSON end at its parser
    ),
)


STEP = "run/checkpoints/0"


def _checkpoint(folder: Path, sealed: bool) -> None:
    from ml_collections import ConfigDict

    from mript_jax.checkpoint import save_params  # Orbax takes a second to import

    layer = {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.ones((1, 70), "f4")}
    save_params(folder / "run", {"layer": layer}, ConfigDict({"model": {"name": "mript"}}))
    if not sealed:  # as older versions wrote it
        (folder / STEP / "sha256.json").unlink()
    shutil.copytree(folder / STEP, folder / "whole")


def _damage_step(path: Path, rng: random.Random, pattern: str) -> None:
    """Damage to one of the files that the weights or the config are read from."""
    step = path.parents[1]
    shutil.rmtree(step)
    shutil.copytree(step.parents[2] / "whole", step)
    files = sorted(file for file in step.glob(pattern) if file.is_file())
    damaged = rng.choice(files)
    content, _ = damage_bytes(damaged.read_bytes(), rng, [])
    damaged.unlink()  # another file: checksums are remembered by size and time
    damaged.write_bytes(content)


def _open_checkpoint(folder: Path) -> Sequence[Record]:
    from mript_jax.checkpoint import load_checkpoint_config, load_params

    layer = load_params(folder / STEP)["layer"]
    config = load_checkpoint_config(folder / STEP).to_dict()
    return [Record(layer[name], name, 0, attributes={"config": config}) for name in sorted(layer)]


def _recognize_checkpoint(path: Path) -> None:
    for name in ("config/metadata", "params/_METADATA"):
        json.loads((path.parents[1] / name).read_text())


def _checkpoint_sample(sealed: bool) -> Sample:
    patterns = {"weights": "params/**/*", "config": "config/metadata", "checksums": "sha256.json"}
    return Sample(
        write=functools.partial(_checkpoint, sealed=sealed),
        target=f"{STEP}/config/metadata",
        open=_open_checkpoint,
        recognize=_recognize_checkpoint,
        structure={
            name: functools.partial(_damage_step, pattern=pattern)
            for name, pattern in patterns.items()
            if sealed or name != "checksums"
        },
        other_content=frozenset() if sealed else frozenset({"config"}),
        own="",
        named=("checkpoints/0",),
        structure_share=1.0,
    )


CHECKPOINTS = (_checkpoint_sample(sealed=True), _checkpoint_sample(sealed=False))
