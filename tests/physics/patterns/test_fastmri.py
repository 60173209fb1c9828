"""fastMRI's patterns against their description, and columns counted by hand."""

import numpy as np
import pytest

from mript_jax.physics.masks import draw_mask, sample_mask


class Fixed:
    """A random generator that always draws the given number."""

    def __init__(self, number):
        self.number = number

    def integers(self, high):
        assert self.number < high
        return self.number


def columns(pattern, width, acceleration, center, offset):
    from mript_jax.physics.masks import PATTERNS

    return np.flatnonzero(PATTERNS[pattern]((1, width), acceleration, center, Fixed(offset))[0])


def test_equispaced_columns_match_a_count_by_hand():
    # 40 columns, 4 of them in the center, 10 in all: one of each (40 - 4) / (10 - 4) = 6 columns.
    expected = [1, 7, 13, 18, 19, 20, 21, 25, 31, 37]
    np.testing.assert_array_equal(columns("fastmri_equispaced", 40, 4, 0.1, 1), expected)


def test_fractional_spacing_is_rounded_to_columns():
    # (20 - 2) / (20 / 4 - 2) = 6, (20 - 2) / (20 / 3 - 2) = 3.857
    expected = [0, 4, 8, 9, 10, 12, 15]
    np.testing.assert_array_equal(columns("fastmri_equispaced", 20, 3, 0.1, 0), expected)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [  # counted from 8, where zero frequency is: 8 + 1, 8 + 5 and 7 - 2 for an offset of 0
        (0, [1, 5, 9, 13]),
        (1, [3, 7, 11, 15]),
        (2, [3, 11, 15]),
        (3, [1, 5, 13]),
    ],
)
def test_magic_columns_match_a_count_by_hand(offset, expected):
    np.testing.assert_array_equal(columns("fastmri_magic", 16, 4, 0.0, offset), expected)


def test_magic_columns_interleave_with_their_mirror_images():
    # Together with their mirror images, columns have half the distance.
    mask = sample_mask("fastmri_magic", (1, 64), 4, 0.0, 1)[0]
    at = np.flatnonzero(mask) - 32
    both = np.unique(np.abs(at))
    assert set(np.diff(both)) == {2}


def test_magic_fraction_is_nearer_to_the_nominal_acceleration():
    plain, adjusted = (
        np.mean([draw_mask(p, (1, 368), 4, 0.08, s).true_acceleration for s in range(20)])
        for p in ("fastmri_magic", "fastmri_magic_fraction")
    )
    assert plain < 3.4
    assert adjusted == pytest.approx(4, abs=0.35)


def test_equidistant_columns_are_equidistant():
    mask = draw_mask("equidistant", (1, 100), 5, 0.06, 2)
    assert mask.array[0, mask.offset :: 5].all()
    outside = np.r_[mask.array[0, :47], mask.array[0, 53:]]
    assert outside.sum() in (18, 19)


def test_random_columns_have_the_probability_of_the_acceleration():
    masks = np.stack([sample_mask("fastmri_random", (1, 50), 4, 0.1, s)[0] for s in range(2000)])
    probability = np.c_[masks[:, :23], masks[:, 28:]].mean()
    assert masks[:, 23:28].all()
    assert probability == pytest.approx((50 / 4 - 5) / (50 - 5), abs=0.01)
