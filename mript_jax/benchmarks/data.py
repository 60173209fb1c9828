"""Throughput of the data pipeline: samples per second by source and workers, and time by stage.

  mript benchmark data
  mript benchmark data --folder=PNG_FOLDER --peer=CHECKOUT_OF_MR_IPT

An example is a slice of 224 x 224 with a random task: read, decoded, undersampled, in a batch of
float32 arrays. Without --folder the pictures are generated. --peer runs the dataset class of the
public code under PyTorch's DataLoader on the same pictures (--peer_python: a Python with torch).
"""

import contextlib
import importlib.util
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from PIL import Image

from mript_jax import cli
from mript_jax.batch import stack
from mript_jax.config import base_config
from mript_jax.data.memory import keep_freed_memory
from mript_jax.data.phantom.source import PhantomSource
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.pipeline import build_pipeline
from mript_jax.data.preparation.dataset import write_index
from mript_jax.data.preparation.shards import plan, write_shards
from mript_jax.data.readers import open_source
from mript_jax.data.transforms import ExampleMaker, fit, normalize
from mript_jax.errors import UserError
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.measurement import zero_filled_image
from mript_jax.physics.tasks import TASKS
from mript_jax.text_table import markdown_table

SIZE, BATCH = 224, 16
PICTURES, VOLUMES, SLICES = 400, 8, 20  # numbers of generated ones
EPOCHS = 10  # over which memory is recorded
ALL_TRAIN = (1.0, 0.0, 0.0)

Row = dict[str, Any]


def measure(
    folder: str = "",
    workers: tuple[int, ...] = (0, 1, 2),
    seconds: float = 5.0,
    peer: str = "",
    peer_python: str = sys.executable,
) -> dict[str, list[Row]]:
    """Tables of samples per second, of stages and of memory, as lists of rows."""
    with tempfile.TemporaryDirectory() as temporary:
        sources = make_sources(Path(temporary), folder)
        rates = throughputs(sources, workers, seconds)
        if peer:
            pictures = sources["PNG"][1]
            rates += [
                peer_rate(peer, peer_python, folder=pictures, workers=n, seconds=seconds)
                for n in workers
            ]
        return {
            "throughput": rates,
            "stages": [row for name, opened in sources.items() for row in stages(name, *opened)],
            "memory": memory(*sources["ArrayRecord"], workers=max(workers)),
        }


def make_sources(
    place: Path, folder: str, *, pictures: int = PICTURES, volumes: int = VOLUMES
) -> dict[str, tuple[str, str, Row]]:
    """name -> (source, path, options); missing data is generated in the folder `place`."""
    if not folder:
        folder = str(place / "pictures")
        _write_pictures(Path(folder), pictures)
    shards = place / "shards"
    shards.mkdir()
    jobs = plan("images", folder, {}, shards)
    write_shards(jobs, os.cpu_count() or 1, 0)
    write_index(shards, jobs, ALL_TRAIN)
    scans = place / "scans"
    scans.mkdir()
    for i in range(volumes):
        write_fastmri_h5(scans / f"scan{i}.h5", 0, i, slices=SLICES, size=SIZE)
    sources = {
        "PNG": ("images", folder, {}),
        "ArrayRecord": ("arrayrecord", str(shards), {}),
        "fastMRI": ("fastmri", str(scans), {"kspace": False}),
    }
    if importlib.util.find_spec("nibabel"):
        _write_nifti(place / "head.nii")
        sources["NIfTI"] = ("nifti", str(place / "head.nii"), {})
    return sources | {"phantom": ("phantom", "", {"size": SIZE})}


def throughputs(
    sources: dict[str, tuple[str, str, Row]], workers: tuple[int, ...], seconds: float
) -> list[Row]:
    """Samples per second of each source with each number of workers."""
    return [
        {
            "source": name,
            "workers": count,
            "samples_per_second": throughput(*opened, workers=count, seconds=seconds),
        }
        for name, opened in sources.items()
        for count in workers
    ]


def throughput(source: str, path: str, options: Row, workers: int, seconds: float) -> float:
    """Samples per second of the training pipeline; 0 workers: threads of this process."""
    with _pipeline(source, path, options, workers) as batches:
        for _ in range(2 * workers + 2):
            next(batches)
        count, start = 0, time.perf_counter()
        while (took := time.perf_counter() - start) < seconds:
            next(batches)
            count += BATCH
    return count / took


def stages(name: str, source: str, path: str, options: Row) -> list[Row]:
    """CPU time of the stages of making one example, in order."""
    keep_freed_memory()
    opened = open_source(source, path, **options)
    count = min(len(opened), 20 if source == "phantom" else 200)
    order = np.random.default_rng(0).permutation(len(opened))[:count].tolist()
    records = [opened[i] for i in order]
    images = [normalize(fit(record.reference, 0, (SIZE, SIZE))) for record in records]
    tasks = list(itertools.islice(itertools.cycle(TASKS), count))
    masks = [
        sample_mask(task.pattern, (SIZE, SIZE), task.acceleration, task.center_fraction, seed=i)
        for i, task in enumerate(tasks)
    ]
    maker = ExampleMaker((SIZE, SIZE), normalize_by="target")
    examples = [maker(records[i % count], tasks[i % count], i) for i in range(BATCH)]
    microseconds = {
        "read and decode": _cost(lambda i: opened[order[i]], count),
        "resize, normalize": _cost(
            lambda i: normalize(fit(records[i].reference, 0, (SIZE, SIZE))), count
        ),
        "mask": _cost(
            lambda i: sample_mask(
                tasks[i].pattern,
                (SIZE, SIZE),
                tasks[i].acceleration,
                tasks[i].center_fraction,
                seed=i,
            ),
            count,
        ),
        "Fourier transforms": _cost(
            lambda i: np.abs(zero_filled_image(images[i], masks[i])), count
        ),
        "batch": _cost(lambda i: stack(examples), 20) / BATCH,
    }
    total = sum(microseconds.values())
    return [
        {"source": name, "stage": stage, "microseconds": cost, "share": cost / total}
        for stage, cost in microseconds.items()
    ]


def memory(source: str, path: str, options: Row, workers: int) -> list[Row]:
    """Resident memory of this process and of its workers after each of several epochs."""
    batches_per_epoch = -(-len(open_source(source, path, **options)) // BATCH)
    rows = []
    with _pipeline(source, path, options, workers) as batches:
        for epoch in range(1, EPOCHS + 1):
            for _ in range(batches_per_epoch):
                next(batches)
            children = (child.pid for child in multiprocessing.active_children())
            pids = [os.getpid(), *(pid for pid in children if pid is not None)]
            rows.append({"epoch": epoch, "MiB": sum(map(_resident_mib, pids))})
    return rows


def peer_rate(checkout: str, python: str, folder: str, workers: int, seconds: float) -> Row:
    """Throughput of the public code, in a process of its own."""
    script = Path(__file__).with_name("data_peer.py")
    command = [python, str(script), checkout, folder, str(workers), str(BATCH), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"--peer={checkout} does not run: {done.stderr.strip().splitlines()[-1]}")
    rate = json.loads(done.stdout.strip().splitlines()[-1])["samples_per_second"]
    return {"source": "PNG, public code", "workers": workers, "samples_per_second": rate}


@contextlib.contextmanager
def _pipeline(source: str, path: str, options: Row, workers: int) -> Iterator[Any]:
    config = base_config().data
    config.source, config.path, config.workers = source, path, workers
    config.image_size, config.split_fractions = SIZE, ALL_TRAIN
    config.options[source] = options
    batches = build_pipeline(config, "train", 0, BATCH)
    yield batches
    del batches


def _cost(step: Callable[[int], Any], count: int) -> float:
    """Microseconds of CPU time of one call of `step`: the fastest of three rounds."""
    times = []
    for _ in range(3):
        start = time.thread_time()
        for i in range(count):
            step(i)
        times.append((time.thread_time() - start) / count)
    return 1e6 * min(times)


def _write_pictures(folder: Path, count: int) -> None:
    """Write phantoms as PNG files in the folder layout of RadImageNet."""
    folder = folder / "MR" / "brain" / "normal"
    folder.mkdir(parents=True)
    source = PhantomSource(count=count, size=SIZE)
    for i in range(count):
        image = source[i].reference
        pixels = np.clip(255 * image / image.max(), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"slice{i:06d}.png")


def _write_nifti(path: Path) -> None:
    import nibabel

    source = PhantomSource(count=SLICES, size=SIZE)
    voxels = np.stack([source[i].reference for i in range(SLICES)], axis=-1)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def define_flags() -> None:
    flags.DEFINE_string("folder", "", "Pictures to read; else they are generated.")
    flags.DEFINE_list("workers", ["0", "1", "2"], "Numbers of worker processes.")
    flags.DEFINE_float("seconds", 5.0, "Duration of each measurement of throughput.")
    flags.DEFINE_string("peer", "", "A checkout of the public MR-IPT code.")
    flags.DEFINE_string("peer_python", sys.executable, "A Python with torch and torchvision.")
    flags.DEFINE_string("output", "", "A JSON file for the results.")


def main() -> None:
    values = cli.FLAGS
    try:
        workers = tuple(int(text) for text in values.workers)
    except ValueError as error:
        raise UserError(f"--workers={','.join(values.workers)}: expected numbers") from error
    results = measure(
        values.folder,
        workers,
        seconds=values.seconds,
        peer=values.peer,
        peer_python=values.peer_python,
    )
    for name, rows in results.items():
        print(f"\n## {name}\n\n{markdown_table(rows)}")
    if values.output:
        Path(values.output).parent.mkdir(parents=True, exist_ok=True)
        Path(values.output).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
