import pickle

import numpy as np
import pytest

from mript_jax.data.generated.objects import KINDS, make_object
from mript_jax.data.generated.source import GeneratedSource
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(64, 64), (40, 57)])
def test_object_is_an_image_of_maximum_one(kind, shape):
    for index in range(6):
        image = make_object(0, index, shape, (kind,))
        assert image.shape == shape and image.dtype == np.float32
        assert image.min() >= 0.0 and image.max() == pytest.approx(1.0)
        assert image.std() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_object_is_determined_by_seed_and_index(kind):
    first, again, next_one, other_seed = (
        make_object(seed, index, (32, 32), (kind,))
        for seed, index in ((1, 5), (1, 5), (1, 6), (2, 5))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - next_one).max() > 0.1
    assert np.abs(first - other_seed).max() > 0.1


def test_every_kind_is_drawn():
    pictures = [make_object(0, index, (32, 32), ("leaves", "textures")) for index in range(30)]
    flat = [np.mean(np.abs(np.diff(p, axis=0)) < 1e-6) > 0.5 for p in pictures]
    assert 3 < sum(flat) < 27  # leaves have air or even shades, textures vary everywhere


def test_source_gives_records_by_number_in_any_process():
    source = open_source("generated", seed=4, count=10, size=32)
    assert len(source) == len(source.groups) == len(set(source.groups)) == 10
    record, copied = source[3], pickle.loads(pickle.dumps(source))[3]
    assert record.volume == source.groups[3]
    np.testing.assert_array_equal(record.image, copied.image)
    np.testing.assert_array_equal(record.image, make_object(4, 3, (32, 32)))


def test_unknown_kind_is_told_with_those_there_are():
    with pytest.raises(UserError, match=r"leafs.*leaves"):
        GeneratedSource(kinds=("leafs",))
    with pytest.raises(UserError, match="count=0"):
        GeneratedSource(count=0)
