"""Generated objects as a source of records."""

from collections.abc import Sequence

from mript_jax.data.generated.objects import KINDS, make_object
from mript_jax.data.readers.base import Source
from mript_jax.data.records import Record
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.sizes import height_width


class GeneratedSource(Source):
    """`count` objects, each of a kind drawn among `kinds`."""

    def __init__(
        self,
        seed: int = 0,
        count: int = 100_000,
        size: int | tuple[int, int] = 224,
        kinds: Sequence[str] = KINDS,
    ):
        for kind in kinds:
            if kind not in KINDS:
                raise unknown_name_error("kind of generated objects", kind, KINDS)
        self._shape = height_width(size)
        if count < 1 or min(self._shape) < 16 or not kinds:
            raise UserError(
                "generated objects need a count of 1 or more, a size of 16 or more and a kind, "
                f"got {count=}, {size=}, kinds={tuple(kinds)}"
            )
        super().__init__([f"generated-{seed}-{i}" for i in range(count)])
        self._seed, self._kinds = seed, tuple(kinds)

    def __getitem__(self, index: int) -> Record:
        image = make_object(self._seed, index, self._shape, self._kinds)
        return Record(image, self.groups[index], 0)
