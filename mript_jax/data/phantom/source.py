"""The generated anatomy as a source of records."""

from collections.abc import Sequence

import numpy as np

from mript_jax.data.phantom.slices import ANATOMIES, make_slice, noisy_magnitude
from mript_jax.data.readers.base import Source
from mript_jax.data.records import Record
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.sizes import height_width


class PhantomSource(Source):
    """`count` slices, each of a subject of its own; made when read, so cheap to copy.

    noise: whether magnitudes carry the noise of a scan. Where scans are simulated of them, with a
        noise of its own, they do without, so that the reference is free of it.
    """

    def __init__(
        self,
        seed: int = 0,
        count: int = 1000,
        size: int | tuple[int, int] = 224,
        anatomies: Sequence[str] = tuple(ANATOMIES),
        noise: bool = True,
    ):
        for name in anatomies:
            if name not in ANATOMIES:
                raise unknown_name_error("anatomy", name, ANATOMIES)
        self._shape = height_width(size)
        if count < 1 or min(self._shape) < 16:
            raise UserError(
                f"phantoms need a count of 1 or more and a size of 16 or more, "
                f"got count={count} and size={size}"
            )
        self._seed, self._anatomies = seed, tuple(anatomies)
        super().__init__([f"phantom-{seed}-{i}" for i in range(count)])
        self._noise = noise

    def __getitem__(self, index: int) -> Record:
        made = make_slice(self._seed, index, self._shape, self._anatomies)
        rng = np.random.default_rng([self._seed, index, 1])
        image = noisy_magnitude(made.image, made.noise, rng) if self._noise else np.abs(made.image)
        return Record(image, self.groups[index], 0, attributes=made.attributes)
