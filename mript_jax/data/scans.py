"""Examples of complex k-space of several coils: of simulated scans, or of measured ones.

Measured k-space is compressed to a fixed number of coils and never resized: the readout is cropped
in the image, and the phase-encoding lines, of which the mask draws, stay as they are, with lines
that nobody measured around them where other scans have more. Records without any k-space are scans
to simulate there too. Where no scan is fully sampled, its samples are split in two for
self-supervised training.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from mript_jax.data.records import Record
from mript_jax.data.simulation import Scan, simulate
from mript_jax.data.transforms import (
    ExampleMaker,
    fit,
    full_kspace,
    is_fully_sampled,
    scale_of,
    volume_seed,
)
from mript_jax.errors import UserError
from mript_jax.physics.coils import (
    WIDEST,
    combine,
    compress_coils,
    estimate_sensitivities,
    root_sum_of_squares,
)
from mript_jax.physics.crop import center_crop, complex_image, crop_kspace, pad_kspace
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.noise import estimate_noise
from mript_jax.physics.split_samples import split_samples
from mript_jax.physics.tasks import Task

STREAM = 2  # of random numbers, beside the mask's


@dataclasses.dataclass(frozen=True)
class ScanMaker(ExampleMaker):
    """Make an example of a scan; the same arguments give the same example."""

    simulate: Callable[..., Scan] = simulate  # (image, rng, coils) -> Scan
    target: str = "rss"  # or "sense", the reference of measured scans

    def __call__(self, record: Record, task: Task, mask_seed: int) -> dict[str, Any]:
        if self.undersampling == "split":
            return self._split(record, task, mask_seed)
        rng = np.random.default_rng([mask_seed, STREAM, record.slice_index])
        measured = self.undersampling == "kspace" and record.kspace is not None
        grid = self._grid(record) if measured else self.shape
        scan = self._measured(record, grid) if measured else self._simulated(record, rng)
        mask = pad_kspace(self._mask(task, grid, mask_seed), self.shape)
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

    def _split(self, record: Record, task: Task, seed: int) -> dict[str, Any]:
        """An example without a reference: `kspace` has one part of the samples, `full_kspace` all.

        A scan that is fully sampled is undersampled first, always in the same way. The target is
        the zero-filled image, and nothing is learned from it.
        """
        measured, mask = record.kspace, record.mask
        if measured is None:
            raise UserError(f"{record.volume} has no k-space, whose samples could be split")
        if mask is None or np.all(mask):
            mask = self._mask(task, measured.shape[-2:], volume_seed(record.volume))
        kspace, mask = crop_kspace(measured, mask, self.shape)
        if mask.shape != self.shape:
            raise UserError(
                f"{record.volume} has k-space of {mask.shape[0]} x {mask.shape[1]} samples without "
                f"readout oversampling; config.data.image_size={self.shape} must be as large"
            )
        kspace = compress_coils(kspace, self.coils)
        kept, _ = split_samples(mask, np.random.default_rng([seed, STREAM, record.slice_index]))
        zero_filled = root_sum_of_squares(ifft2c(kept * kspace), axis=0)
        example = self._example(task, kept, zero_filled, zero_filled)
        scale = example["scale"]
        optional = {
            "kspace": lambda: (kept * kspace / scale).astype(np.complex64),
            "full_kspace": lambda: (kspace / scale).astype(np.complex64),
            "sensitivities": lambda: estimate_sensitivities(kspace, mask, WIDEST),
            "noise_level": lambda: np.float32(estimate_noise(measured) / scale),
        }
        return example | {name: optional[name]() for name in self.fields}

    def _simulated(self, record: Record, rng: np.random.Generator) -> Scan:
        image = record.reference
        if record.kspace is not None and is_fully_sampled(record):
            image = complex_image(record.kspace, record.size)
        return self.simulate(fit(image, self.crop, self.shape), rng, self.coils)

    def _grid(self, record: Record) -> tuple[int, int]:
        """Rows and columns of measured k-space whose readout is cropped (or padded) to `shape`."""
        assert record.kspace is not None
        grid, lines = list(self.shape), record.kspace.shape[self.axis]
        if lines > self.shape[self.axis]:
            raise UserError(
                f"{record.volume} has {lines} phase-encoding lines, more than the "
                f"{self.shape[self.axis]} of config.data.image_size={self.shape}, which must hold "
                "all that the widest scan has"
            )
        grid[self.axis] = lines
        return grid[0], grid[1]

    def _measured(self, record: Record, grid: tuple[int, int]) -> Scan:
        measured = full_kspace(record)
        noise = estimate_noise(measured) if "noise_level" in self.fields else 0.0
        kspace = pad_kspace(fft2c(center_crop(ifft2c(measured), grid)), self.shape)
        sampled = pad_kspace(np.ones(grid, np.float32), self.shape)
        reference = self._reference(kspace, sampled)
        maximum = scale_of(reference)
        kspace = compress_coils(kspace / maximum, self.coils)
        maps = None
        if "sensitivities" in self.fields:
            maps = estimate_sensitivities(kspace, sampled, WIDEST)
        return Scan(
            kspace,
            kspace,
            sensitivities=maps,
            reference=reference / maximum,
            noise_level=noise / float(maximum),
        )

    def _reference(self, kspace: np.ndarray, sampled: np.ndarray) -> np.ndarray:
        """The magnitude [H, W] of k-space [C, H, W] of all coils and lines."""
        images = ifft2c(kspace)
        if self.target == "rss":
            return root_sum_of_squares(images, axis=0)
        return np.abs(combine(images, estimate_sensitivities(kspace, sampled, WIDEST)))
