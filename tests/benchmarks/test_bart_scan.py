"""A checkpoint beside BART on one scan: the distance and the picture."""

import numpy as np
import pytest

from mript_jax.benchmarks.bart_scan import distance, side_by_side

IMAGE = np.random.default_rng(0).random((6, 5)) + 0.5


def test_distance_does_not_depend_on_the_scale():
    assert distance(3 * IMAGE, IMAGE) == pytest.approx(0, abs=1e-7)
    assert distance(IMAGE + np.eye(6, 5), IMAGE) > 0.1


def test_picture_has_both_images_in_gray_values_of_their_own():
    picture = np.asarray(side_by_side([IMAGE, 100 * IMAGE]))
    assert picture.shape == (6, 5 + 4 + 5)
    np.testing.assert_array_equal(picture[:, :5], picture[:, -5:])
