"""A small report of made-up examples, as an evaluation would give them."""

import numpy as np
import pytest

from mript_jax.evaluation.evaluate import SliceResult
from mript_jax.evaluation.protocols import get_protocol
from mript_jax.evaluation.report import write_report
from mript_jax.evaluation.results import make_results
from mript_jax.evaluation.summary import summarize
from mript_jax.physics.tasks import TASKS

METHODS = {"mript": 0.02, "unet": 0.03, "zero_filled": 0.1}  # and their noise


def _examples(tasks=TASKS[:7], volumes=("v0", "v1", "v2"), shape=(40, 32)) -> list[SliceResult]:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]] / np.reshape(shape, (2, 1, 1)) - 0.5
    examples = []
    for task in tasks:
        for i, volume in enumerate(volumes):
            reference = np.exp(-8 * (x**2 + y**2)).astype(np.float32)
            pictures = {"reference": reference, "mask": np.ones(shape, np.float32)}
            values = {}
            for method, noise in METHODS.items():
                noise *= (1 + i) * task.acceleration
                pictures[method] = reference + rng.normal(0, noise, shape).astype(np.float32)
                values[method] = {
                    "psnr": -20 * np.log10(noise),
                    "ssim": 1 - noise,
                    "nmse": noise,
                    "hfen": noise,
                    "sharpness": 1.0,
                    "frequency_error": np.linspace(noise, 1, 10),
                }
            examples.append(SliceResult(task, 3.9, volume, i, values, pictures))
    return examples


def _page(path, examples: list[SliceResult], over="zero_filled", **changes):
    """Writes the report of the examples and returns its results."""
    protocol = get_protocol("mript_paper")
    tasks = dict.fromkeys(example.task for example in examples)
    rows = [
        summarize([e for e in examples if e.task == task], method, protocol)
        for task in tasks
        for method in examples[0].values
    ]
    head = {"model": "mript", "dataset": "phantom", "protocol": "mript_paper", "split": "test"}
    results = make_results(**(head | changes), rows=rows, seed=0)
    write_report(path, results, examples, over)
    return results


@pytest.fixture(scope="session")
def make_examples():
    return _examples


@pytest.fixture(scope="session")
def make_page():
    return _page


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The path of a report of seven tasks and three volumes."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    _page(path, _examples())
    return path
