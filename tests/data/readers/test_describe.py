"""Descriptions of scans before the work."""

import numpy as np

from mript_jax.data.phantom.files import write_phantom
from mript_jax.data.phantom.scan import HeadScan
from mript_jax.data.readers import open_source
from mript_jax.data.readers.base import Source
from mript_jax.data.readers.describe import describe_source
from mript_jax.data.records import BlankRecord, BrokenRecord, Record


class Made(Source):
    """Volumes of made records; an error is raised."""

    def __init__(self, records):
        super().__init__([name for name, _ in records])
        self.records = [record for _, record in records]

    def __getitem__(self, index):
        if isinstance(self.records[index], Exception):
            raise self.records[index]
        return self.records[index]


def test_scans_are_described_by_size_and_sampling(tmp_path):
    full = HeadScan(slices=2, size=32, coils=3)
    write_phantom(tmp_path / "a.h5", "ismrmrd", full)
    scan = HeadScan(slices=1, size=64, coils=1, acceleration=4.0)
    write_phantom(tmp_path / "b.h5", "ismrmrd", scan)
    first, second = describe_source(open_source("ismrmrd", str(tmp_path)))
    assert first == "a.h5: 2 slices, 3 coils, 32 x 32 (k-space 64 x 32), fully sampled"
    assert second == (
        "b.h5: 1 slice, 1 coil, 64 x 64 (k-space 128 x 64), acceleration 4.0, cartesian random"
    )


def test_first_slice_with_a_signal_is_described():
    image = Record(np.ones((8, 6)), "a", 1)
    source = Made(
        [("a", BlankRecord("a", "is zero")), ("a", image), ("b", BlankRecord("b", "is zero"))]
    )
    assert describe_source(source) == [
        "a: 2 slices, images, 8 x 6",
        "b: 1 slice, all of them blank",
    ]


def test_volume_that_cannot_be_read_says_why():
    (line,) = describe_source(Made([("a", BrokenRecord("a.h5", "is cut short"))]))
    assert line == "a: 1 slice, of which one cannot be read: a.h5: is cut short"
