"""Examples of complex k-space of several coils: of simulated scans, or of measured ones.

Measured k-space is compressed to a fixed number of coils and brought to a fixed field of view in
the image domain; it is never resized. Records without any are scans to simulate there too.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from mript_jax.data.records import Record
from mript_jax.data.simulation import Scan, simulate
from mript_jax.data.transforms import ExampleMaker, fit, full_kspace, is_fully_sampled, scale_of
from mript_jax.physics.coils import (
    WIDEST,
    compress_coils,
    estimate_sensitivities,
    root_sum_of_squares,
)
from mript_jax.physics.crop import center_crop, complex_image
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.noise import estimate_noise
from mript_jax.physics.tasks import Task

STREAM = 2  # of random numbers, beside the mask's


@dataclasses.dataclass(frozen=True)
class ScanMaker(ExampleMaker):
    """Make an example of a scan; the same arguments give the same example."""

    simulate: Callable[..., Scan] = simulate  # (image, rng, coils) -> Scan

    def __call__(self, record: Record, task: Task, mask_seed: int) -> dict[str, Any]:
        rng = np.random.default_rng([mask_seed, STREAM, record.slice_index])
        measured = self.undersampling == "kspace" and record.kspace is not None
        scan = self._measured(record) if measured else self._simulated(record, rng)
        mask = self._mask(task, self.shape, mask_seed)
        kspace = mask * self._measure(scan.kspace, rng)  # [C, H, W]
        zero_filled = root_sum_of_squares(ifft2c(kspace), axis=0)
        example = self._example(task, mask, zero_filled, scan.reference)
        scale = example["scale"]
        optional = {
            "kspace": lambda: kspace / scale,
            "full_kspace": lambda: scan.clean_kspace / scale,
            "sensitivities": lambda: scan.sensitivities,
            "noise_level": lambda: np.float32(np.hypot(scan.noise_level, self.noise) / scale),
        }
        return example | {name: optional[name]() for name in self.fields}

    def _simulated(self, record: Record, rng: np.random.Generator) -> Scan:
        image = record.reference
        if record.kspace is not None and is_fully_sampled(record):
            image = complex_image(record.kspace, record.size)
        return self.simulate(fit(image, self.crop, self.shape), rng, self.coils)

    def _measured(self, record: Record) -> Scan:
        measured = full_kspace(record)
        noise = estimate_noise(measured) if "noise_level" in self.fields else 0.0
        images = center_crop(ifft2c(measured), self.shape)
        reference = root_sum_of_squares(images, axis=0)
        maximum = scale_of(reference)
        kspace = compress_coils(fft2c(images / maximum), self.coils)
        maps = None
        if "sensitivities" in self.fields:
            maps = estimate_sensitivities(kspace, np.ones(self.shape), WIDEST)
        return Scan(
            kspace,
            kspace,
            sensitivities=maps,
            reference=reference / maximum,
            noise_level=noise / float(maximum),
        )
