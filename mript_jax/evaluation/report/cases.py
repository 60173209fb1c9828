"""The cases of the viewer: examples with pictures, as data for the page's script."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mript_jax.evaluation.evaluate import BASELINE, SliceResult
from mript_jax.evaluation.report.pictures import (
    error_scale,
    error_uri,
    grey,
    grey_uri,
    kspace_uri,
    save_row,
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


def typical_case(examples: Sequence[SliceResult], main: str) -> int:
    """The number of the case, as `make_cases` orders them, that is nearest to the median PSNR."""
    psnrs = sorted(e.values[main]["psnr"] for e in examples if e.pictures)
    median = np.median([example.values[main]["psnr"] for example in examples])
    return int(np.argmin(np.abs(np.asarray(psnrs) - median))) if psnrs else 0


def save_typical_row(
    path: str | Path, examples: Sequence[SliceResult], methods: Sequence[str]
) -> None:
    """Saves the typical slice as a PNG: zero-filled, the other methods in order, reference."""
    main = next(name for name in methods if name != BASELINE)
    shown = sorted((e for e in examples if e.pictures), key=lambda e: e.values[main]["psnr"])
    if not shown:
        return
    pictures: Mapping[str, Any] = shown[typical_case(examples, main)].pictures or {}
    names = [BASELINE, *(name for name in methods if name != BASELINE), "reference"]
    save_row(path, [pictures[name] for name in names], white_point(pictures["reference"]))


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
