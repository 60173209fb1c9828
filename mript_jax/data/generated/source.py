"""Generated objects as a source of records."""

from collections.abc import Sequence

from mript_jax.data.generated.objects import KINDS, make_object
from mript_jax.data.records import Record
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.sizes import height_width


class GeneratedSource:
    """`count` objects, each of a kind drawn among `kinds`; without state, so cheap to copy."""

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
        self._seed, self._count, self._kinds = seed, count, tuple(kinds)

    def __len__(self) -> int:
        return self._count

    @property
    def groups(self) -> list[str]:
        return [self._volume(i) for i in range(self._count)]

    def __getitem__(self, index: int) -> Record:
        image = make_object(self._seed, index, self._shape, self._kinds)
        return Record(image, self._volume(index), 0)

    def _volume(self, index: int) -> str:
        return f"generated-{self._seed}-{index}"
