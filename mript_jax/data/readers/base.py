"""The contract of every reader: the slices of a dataset, and facts on each before it is read."""

from collections.abc import Sequence

from mript_jax.data.records import Record


class Source:
    """Slices by number: `len(source)` and `source[i]`. Picklable, since worker processes read it.

    A subclass hands over what is known of each slice and defines `__getitem__`.
    """

    groups: Sequence[str]
    """The volume of each slice: slices of one volume are neighbours and have the same mask."""

    subjects: Sequence[str]
    """The patient of each slice, who is in one split alone; where unknown, the volume."""

    names: Sequence[str]
    """A name of each slice's volume that no other volume has; where unknown, the volume's."""

    official_splits: Sequence[str] | None
    """The split ("train", "validation" or "test") that the publisher put each slice in, if any.

    All are the same where the data are one of the splits.
    """

    def __init__(
        self,
        groups: Sequence[str],
        *,
        subjects: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        official_splits: Sequence[str] | None = None,
    ):
        self.groups = groups
        self.subjects = groups if subjects is None else subjects
        self.names = groups if names is None else names
        self.official_splits = official_splits

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> Record:
        """The slice; one that cannot be used raises BrokenRecord."""
        raise NotImplementedError
