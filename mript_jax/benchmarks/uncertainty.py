"""Calibration of the uncertainty: how often the error is within one and two of its deviations.

  mript benchmark uncertainty --slices=3

Slices are phantoms that no model was trained on, undersampled by each of the 20 tasks, with noise
of 0.1 to 2 % of the maximum. A Gaussian error would be within one standard deviation in 68.3 % of
the pixels, within two in 95.4 %.
"""

import numpy as np
from absl import flags

from mript_jax import cli
from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.simulation import simulate
from mript_jax.inference.estimate import MeasuredSlices
from mript_jax.inference.methods import Method, build_methods
from mript_jax.inference.uncertainty import uncertainty
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import TASKS, Task
from mript_jax.text_table import markdown_table

SEED = 9000  # of subjects that no training draws
FIRST = 5000  # slice; the calibration was fitted to those from 3000 on
SIZE = 128
NOISE = (1e-3, 2e-2)
OBJECT = 0.05  # of the maximum: pixels above it show something

COLUMNS = ("within 1 sd", "within 2 sd", "object, 1 sd", "object, 2 sd")


def define_flags() -> None:
    flags.DEFINE_string("checkpoint", "small", "A run's folder, or the name of a shipped model.")
    flags.DEFINE_list("method", [], "Another method, such as tv.")
    flags.DEFINE_integer("slices", 3, "Slices of each task.", lower_bound=1)
    flags.DEFINE_integer("coils", 1, "Coils of the scans.", lower_bound=1)


def main() -> None:
    values = cli.FLAGS
    methods, _ = build_methods(values.method, values.checkpoint)
    method = next(iter(methods.values()))
    rows = {task: _coverage(method, task, values.slices, values.coils) for task in TASKS}
    table = []
    for acceleration in dict.fromkeys(task.acceleration for task in TASKS):
        of_it = [row for task, row in rows.items() if task.acceleration == acceleration]
        table.append(_row(f"{acceleration:g}x", of_it))
    print(markdown_table([*table, _row("all", list(rows.values()))]))


def _row(name: str, shares: list[list[float]]) -> dict[str, str]:
    values = (f"{100 * value:.1f}" for value in np.mean(shares, axis=0))
    return {"% of pixels": name, **dict(zip(COLUMNS, values, strict=True))}


def _coverage(method: Method, task: Task, count: int, coils: int) -> list[float]:
    """The shares of pixels within 1 and 2 standard deviations, of all and of the object's."""
    number = TASKS.index(task)
    scans, masks = [], []
    for i in range(count):
        image = make_slice(SEED, FIRST + 100 * number + i, (SIZE, SIZE)).image
        rng = np.random.default_rng([SEED, number, i])
        scans.append(simulate(image, rng, coils=coils, noise=NOISE, noise_free=0.0))
        numbers = (task.acceleration, task.center_fraction)
        masks.append(sample_mask(task.pattern, (SIZE, SIZE), *numbers, seed=100 * number + i))
    mask = np.stack(masks)
    slices = MeasuredSlices(np.stack([scan.kspace for scan in scans]) * mask[:, None], mask)
    images = method(slices).images
    reference = np.stack([scan.reference for scan in scans])
    deviations = np.abs(images - reference) / uncertainty(method, slices, images)
    inside = reference > OBJECT
    return [float(np.mean(d < n)) for d in (deviations, deviations[inside]) for n in (1, 2)]
