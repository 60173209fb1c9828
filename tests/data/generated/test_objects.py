import pickle

import numpy as np
import pytest
import scipy.ndimage

from mript_jax.data.generated import objects
from mript_jax.data.generated.objects import KINDS, make_object
from mript_jax.data.generated.shapes import SHAPES, folds
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


def test_every_shape_is_drawn_as_often_as_others(monkeypatch):
    drawn = []
    for name, draw in SHAPES.items():
        monkeypatch.setitem(
            SHAPES, name, lambda *inputs, name=name, draw=draw: drawn.append(name) or draw(*inputs)
        )
    for index in range(100):
        make_object(0, index, (16, 16), (*SHAPES, "textures"))
    assert set(drawn) == set(SHAPES)
    assert all(8 < drawn.count(name) < 28 for name in SHAPES) and 70 < len(drawn) < 95


def test_soft_tissues_differ_little():
    contrasts = []
    for index in range(60):
        image = make_object(0, index, (48, 48), ("regions",))
        low, high = np.quantile(image[image > 0.05], [0.1, 0.9])
        contrasts.append((high - low) / high)
    assert sum(contrast < 0.4 for contrast in contrasts) >= 6
    assert sum(contrast > 0.7 for contrast in contrasts) >= 15


def test_a_part_of_the_objects_is_softer_than_it_was_drawn(monkeypatch):
    """By the energy of k-space beyond 0.7 of its radius."""
    frequencies = np.fft.fftfreq(64)
    outer = np.hypot(frequencies[:, None], frequencies) > 0.35

    def energies():
        images = [make_object(0, index, (64, 64), ("leaves",)) for index in range(40)]
        return np.array([np.sum(np.abs(np.fft.fft2(image))[outer] ** 2) for image in images])

    softened = energies()
    monkeypatch.setattr(objects, "BLUR", (0.0, 0.0))
    assert 8 <= np.sum(softened < 0.5 * energies()) <= 24


def test_folds_are_ribbons_along_a_border():
    """A ribbon lies between two other regions: few of its pixels are far from its edge."""
    labels = folds((128, 128), np.random.default_rng(3))
    assert 4 <= len(np.unique(labels)) <= 12
    thickness = [scipy.ndimage.distance_transform_edt(labels == i).max() for i in np.unique(labels)]
    area = [np.sum(labels == i) for i in np.unique(labels)]
    assert any(t < 6 and a > 300 for t, a in zip(thickness, area, strict=True))


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
