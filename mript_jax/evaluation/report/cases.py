"""The cases of the viewer: examples with pictures, as data for the page's script."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mript_jax.evaluation.evaluate import SliceResult
from mript_jax.evaluation.report.charts import BASELINE
from mript_jax.evaluation.report.pictures import (
    error_scale,
    error_uri,
    grey,
    grey_uri,
    kspace_uri,
    white_point,
    worst_spot,
)

ZOOM_PART = 0.25  # of each side that the zoom box covers


def make_cases(
    examples: Sequence[SliceResult], methods: Sequence[str], main: str
) -> list[dict[str, Any]]:
    """The examples that have pictures, by PSNR of the main method, worst first."""
    shown = [example for example in examples if example.pictures]
    shown.sort(key=lambda example: example.values[main]["psnr"])
    return [_case(example, methods, main) for example in shown]


def _case(example: SliceResult, methods: Sequence[str], main: str) -> dict[str, Any]:
    pictures = example.pictures or {}
    reference = pictures["reference"]
    images = {name: pictures[name] for name in methods} | {"reference": reference}
    errors = {name: np.abs(images[name] - reference) for name in methods}
    brightest = white_point(reference)
    # The baseline's errors may run off the scale: those of the methods are to be seen.
    scale = error_scale([e for name, e in errors.items() if name != BASELINE or name == main])
    task = example.task
    return {
        "volume": example.volume,
        "slice": example.slice_index,
        "pattern": task.pattern,
        "acceleration": task.acceleration,
        "trueAcceleration": round(example.true_acceleration, 2),
        "values": {
            name: {metric: round(example.values[name][metric], 4) for metric in ("psnr", "ssim")}
            for name in methods
        },
        "size": reference.shape,
        "errorScale": scale,
        "zoom": worst_spot(errors[main], ZOOM_PART),
        "mask": grey_uri(grey(pictures["mask"], 1.0)),
        "images": {name: grey_uri(grey(image, brightest)) for name, image in images.items()},
        "errors": {name: error_uri(error, scale) for name, error in errors.items()},
        "kspace": {name: kspace_uri(image) for name, image in images.items()},
    }
