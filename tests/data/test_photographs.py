import numpy as np

from mript_jax.data.photographs import random_crop


def crops(image, shape, count=40):
    return [random_crop(image, shape, np.random.default_rng(seed)) for seed in range(count)]


def test_crops_have_the_shape_asked_for_and_are_all_different():
    image = np.random.default_rng(0).random((90, 130), np.float32)
    parts = crops(image, (64, 48))
    assert {part.shape for part in parts} == {(64, 48)}
    assert len({part.tobytes() for part in parts}) == len(parts)
    np.testing.assert_array_equal(parts[3], random_crop(image, (64, 48), np.random.default_rng(3)))


def test_pictures_are_mirrored_and_turned_all_eight_ways():
    y, x = np.mgrid[:80, :80].astype(np.float32)
    ways = set()
    for part in crops(3 * x + y, (64, 64), 80):
        down, right = np.diff(part, axis=0).mean(), np.diff(part, axis=1).mean()
        ways.add((down > 0, right > 0, abs(down) > abs(right)))
    assert len(ways) == 8


def test_the_short_side_is_resized_and_the_content_kept():
    image = np.full((100, 300), 7, np.float32)
    assert all((part == 7).all() for part in crops(image, (272, 272), 4))
    ramp = np.tile(np.arange(320, dtype=np.float32), (320, 1))  # already of the size to cut from
    spans = [np.ptp(part) for part in crops(ramp, (272, 272), 4)]
    assert spans == [271.0] * 4
