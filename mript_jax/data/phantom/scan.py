"""A scan of a generated head: what it is of, its images, its k-space, its place in the patient."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from mript_jax.data.geometry import Geometry
from mript_jax.data.phantom.slices import Slice, make_slice
from mript_jax.data.phantom.volume import (
    FIELD_OF_VIEW,
    THICKNESS,
    coil_sensitivities,
    measure,
    slice_positions,
)
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import make_task

ANATOMY = ("head",)


@dataclasses.dataclass(frozen=True)
class HeadScan:
    """Axial slices, front at the top; the readout runs down the rows."""

    slices: int = 4
    size: int = 128
    coils: int = 4
    acceleration: float = 1.0
    pattern: str = "cartesian_random"
    seed: int = 0

    def summary(self) -> str:
        """One line: the sizes, and how it was sampled."""
        sampling = f"{self.pattern}, acceleration {self.acceleration:g}"
        return f"{self.slices} slices, {self.coils} coils, {self.size} x {self.size}, " + (
            "fully sampled" if self.acceleration == 1 else sampling
        )

    def sampling(self) -> tuple[str, float, float, int] | None:
        """Pattern, acceleration, center fraction and seed of the mask; None: fully sampled."""
        if self.acceleration == 1:
            return None
        task = make_task(self.pattern, self.acceleration)
        return task.pattern, task.acceleration, task.center_fraction, self.seed

    def mask(self, shape: tuple[int, int]) -> np.ndarray:
        """[H, W] float32, the same for all slices."""
        sampling = self.sampling()
        if sampling is None:
            return np.ones(shape, np.float32)
        return sample_mask(sampling[0], shape, *sampling[1:])

    def images(self) -> Iterator[Slice]:
        """The slices from foot to head, without noise."""
        for z in slice_positions(self.slices):
            yield make_slice(self.seed, 0, (self.size, self.size), ANATOMY, z=z)

    def kspace(self, oversampling: int = 1) -> Iterator[np.ndarray]:
        """[C, n H, W] complex64 of each slice, 0 where it is not sampled; n: oversampling."""
        rng = np.random.default_rng([self.seed, 0, 2])
        sensitivities = coil_sensitivities(self.coils, (self.size, self.size), rng)
        mask = self.mask((oversampling * self.size, self.size))
        for made in self.images():
            kspace = measure(made.image, sensitivities, made.noise, rng, oversampling=oversampling)
            yield kspace * mask

    def geometry(self, number: int) -> Geometry:
        """Of a slice's image: down is to the back, right is the patient's left."""
        pixel = FIELD_OF_VIEW / self.size
        middle = (self.size // 2) * pixel
        affine = np.eye(4)
        affine[:3, :3] = [[0, -pixel, 0], [-pixel, 0, 0], [0, 0, THICKNESS]]
        affine[:3, 3] = middle, middle, (number - (self.slices - 1) / 2) * THICKNESS
        return Geometry(affine)
