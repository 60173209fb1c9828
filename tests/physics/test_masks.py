import math
import re
import time

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mript_jax.errors import UserError
from mript_jax.physics.masks import PATTERNS, center_width, draw_mask, sample_mask

SHAPES = st.tuples(st.integers(24, 150), st.integers(24, 150))
AXES = st.sampled_from([-1, -2])
FEW = settings(max_examples=60, deadline=None)


@st.composite
def requests(draw, patterns=tuple(PATTERNS)):
    """Valid (pattern, shape, acceleration, center fraction, seed, axis)."""
    acceleration = draw(st.floats(1, 12))
    center = draw(st.floats(0, 0.6)) / acceleration
    return (
        draw(st.sampled_from(patterns)),
        draw(SHAPES),
        acceleration,
        center,
        draw(st.integers(0, 10**6)),
        draw(AXES),
    )


@given(requests())
@FEW
def test_mask_is_zeros_and_ones_of_the_requested_shape(request):
    mask = sample_mask(*request)
    assert mask.shape == request[1]
    assert mask.dtype == np.float32
    assert mask.flags.c_contiguous
    assert set(np.unique(mask)) <= {0, 1}
    assert mask.any()


@given(requests())
@FEW
def test_mask_is_a_function_of_the_seed_and_not_of_global_state(request):
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = sample_mask(*request)
    np.random.seed(2)
    np.testing.assert_array_equal(first, sample_mask(*request))
    np.random.seed(1)
    np.testing.assert_array_equal(before, np.random.get_state()[1])


@given(requests())
@FEW
def test_mask_of_the_other_axis_is_the_transposed_mask(request):
    pattern, shape, *rest, axis = request
    other = sample_mask(pattern, shape[::-1], *rest, axis=-3 - axis)
    np.testing.assert_array_equal(sample_mask(*request), other.T)


EXACT = ("poisson_disc", "radial", "spiral")  # to a point
TO_A_LINE = (
    "cartesian_random",
    "cartesian_equispaced",
    "fastmri_equispaced",
    "fastmri_equispaced_fraction",
)


@given(requests(EXACT))
@FEW
def test_point_patterns_have_exactly_the_nominal_acceleration(request):
    _, (H, W), acceleration, *_ = request
    assert sample_mask(*request).sum() == max(round(H * W / acceleration), 1)


@given(requests(TO_A_LINE))
@FEW
def test_line_patterns_have_the_nominal_acceleration_to_two_lines(request):
    _, shape, acceleration, _, _, axis = request
    mask = sample_mask(*request)
    lines = mask[0] if axis == -1 else mask[:, 0]
    assert (mask == (lines if axis == -1 else lines[:, None])).all()
    assert abs(lines.sum() - shape[axis] / acceleration) <= 2


@given(requests(("caipi",)))
@FEW
def test_lattice_has_the_nominal_acceleration_to_a_point_per_row(request):
    _, (H, W), acceleration, _, _, axis = request
    mask = sample_mask(*request)
    assert abs(mask.sum() - H * W / acceleration) <= (H if axis == -1 else W)


def test_independent_columns_have_the_nominal_acceleration_on_average():
    shares = [sample_mask("fastmri_random", (1, 200), 4, 0.08, s).mean() for s in range(300)]
    assert np.mean(shares) == pytest.approx(0.25, abs=0.005)
    assert np.std(shares) > 0.02


@given(requests())
@example(("gaussian_2d", (24, 34), 2.0, 0.25, 0, -1))  # 16 of 17 columns, 6 before zero frequency
@example(("gaussian_2d", (36, 36), 2.0, 0.25, 0, -1))  # 16 of 18, as in the public code
@example(("caipi", (24, 150), 4.0, 0.172, 0, -1))  # 9 of 9.95 rows, 62 of 62.2 columns
@FEW
def test_requested_center_is_always_sampled(request):
    pattern, shape, _, center, _, axis = request
    mask = sample_mask(*request)
    if pattern in (*EXACT, "caipi", "gaussian_2d"):
        # Each axis by itself: the largest rectangle of the mask's proportions, `center_width`, can
        # be much narrower than the center of a long mask. Cells of 4 points are rounded by up to
        # half a cell, and 3 more points are lost where the first cell starts half a cell late.
        missing = 5 if pattern == "gaussian_2d" else 0
        sides = [max(math.floor(n * math.sqrt(center)) - missing, 0) for n in shape]
        starts = [(n - side + 1) // 2 for n, side in zip(shape, sides, strict=True)]
        rows, columns = (slice(a, a + n) for a, n in zip(starts, sides, strict=True))
        assert mask[rows, columns].all()
    else:
        assert center_width(mask, axis) >= round(shape[axis] * center) - 2  # of pairs of lines
    if center * min(shape) >= 2:
        assert mask[shape[0] // 2, shape[1] // 2] == 1


@given(requests(), st.floats(0.5, 1))
@FEW
def test_partial_fourier_leaves_out_lines_at_the_start_but_not_the_center(request, share):
    full, part = sample_mask(*request), sample_mask(*request, partial_fourier=share)
    axis = request[-1]
    full, part = (m if axis == -1 else m.T for m in (full, part))
    W = full.shape[1]
    skipped = round(W * (1 - share))
    allowed = (W - center_width(full)) // 2
    assert not part[:, : min(skipped, allowed)].any()
    assume(full[:, min(skipped, allowed) :].any())  # else the mask is drawn again
    assert center_width(part) == center_width(full)
    np.testing.assert_array_equal(part[:, W // 2 :], full[:, W // 2 :])
    np.testing.assert_array_equal(part[:, skipped:], full[:, skipped:])


@pytest.mark.parametrize(("acceleration", "seed"), [(7.0, 4), (5.0, 15)])
def test_mask_is_drawn_again_where_partial_fourier_leaves_none_of_it(acceleration, seed):
    request = ("gaussian_1d", (24, 24), acceleration, 0.0, seed)
    full, part = sample_mask(*request), sample_mask(*request, partial_fourier=0.5)
    assert full[:, :12].any() and not full[:, 12:].any()
    assert part[:, 12:].any() and not part[:, :12].any()


def test_partial_fourier_leaves_out_rows_for_axis_minus_2():
    mask = sample_mask("cartesian_random", (64, 32), 2, 0.1, 0, axis=-2, partial_fourier=0.75)
    assert not mask[:16].any()
    assert mask[16:].any()


def test_record_has_the_requested_and_the_true_parameters():
    mask = draw_mask("fastmri_equispaced", (10, 100), 4, 0.08, 3, partial_fourier=0.8)
    columns = np.flatnonzero(mask.array[0])
    assert (mask.pattern, mask.acceleration, mask.center_fraction) == (
        "fastmri_equispaced",
        4,
        0.08,
    )
    assert (mask.seed, mask.axis, mask.partial_fourier) == (3, -1, 0.8)
    assert mask.true_acceleration == 100 / len(columns)
    assert mask.center_lines >= 8
    assert mask.offset == columns[0] >= 20


def test_record_for_axis_0_counts_rows():
    mask = draw_mask("equidistant", (60, 40), 5, 0.1, 0, axis=0)
    rows = np.flatnonzero(mask.array[:, 0])
    assert (mask.axis, mask.offset) == (-2, rows[0])
    assert mask.center_lines in (6, 7, 8)


def test_offset_of_a_point_pattern_is_none():
    assert draw_mask("gaussian_2d", (32, 32), 4, 0.08, 0).offset is None


@pytest.mark.parametrize(("start", "stop", "width"), [(16, 17, 1), (15, 17, 2), (14, 17, 2)])
def test_center_width_counts_lines_around_zero_frequency(start, stop, width):
    mask = np.zeros((8, 32))
    mask[:, start:stop] = 1
    assert center_width(mask) == width
    assert center_width(mask.T, axis=-2) == width


def test_center_width_of_a_point_pattern_is_that_of_a_rectangle():
    mask = np.zeros((40, 20))
    mask[14:26, 7:13] = 1
    assert center_width(mask, axis=-1) == 6
    assert center_width(mask, axis=-2) == 12
    mask[16, 8] = 0
    assert center_width(mask) == 3


def test_center_width_of_an_empty_mask_is_0_and_of_a_full_one_all():
    assert center_width(np.zeros((4, 6))) == 0
    assert center_width(np.ones((4, 6))) == 6


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (9, 9), (8, 33)])
def test_small_shapes_give_a_mask_or_a_user_error(pattern, shape):
    try:
        mask = sample_mask(pattern, shape, 4, 0.08, 0)
    except UserError as error:
        assert "samples nothing" in str(error)
    else:
        assert mask.any()


INVALID = [
    ({"pattern": "cartesian_randon"}, "did you mean 'cartesian_random'"),
    ({"acceleration": 0.5}, "acceleration 0.5 must be a number of 1 or more"),
    ({"acceleration": float("nan")}, "acceleration nan"),
    ({"center_fraction": -0.1}, "center fraction -0.1 must be between 0 and 1"),
    ({"center_fraction": 1.5}, "center fraction 1.5"),
    ({"shape": (0, 64)}, "1 or more, got (0, 64)"),
    ({"shape": (2, 64, 64)}, "(height, width), both 1 or more"),
    ({"axis": 2}, "axis 2 must be"),
    ({"partial_fourier": 0.3}, "partial Fourier 0.3 must be between 0.5 and 1"),
    ({"shape": (4, 4), "acceleration": 100.0, "center_fraction": 0.0}, "samples nothing of 4 x 4"),
]


@pytest.mark.parametrize(("change", "message"), INVALID)
def test_invalid_argument_is_a_user_error_with_name_and_value(change, message):
    good = {
        "pattern": "cartesian_random",
        "shape": (64, 64),
        "acceleration": 4.0,
        "center_fraction": 0.08,
        "seed": 0,
    }
    with pytest.raises(UserError, match=re.escape(message)):
        sample_mask(**(good | change))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_center_too_large_for_the_acceleration_is_a_user_error(pattern):
    with pytest.raises(
        UserError, match=r"center fraction 0\.3 of .* acceleration 4 leaves.* 0\.25"
    ):
        sample_mask(pattern, (100, 100), 4, 0.3, 0)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_largest_allowed_center_is_all_that_is_sampled(pattern):
    mask = sample_mask(pattern, (100, 100), 4, 0.25, 0)
    if pattern not in ("gaussian_1d", "gaussian_2d", "fastmri_magic", "equidistant"):
        assert mask.mean() == pytest.approx(0.25, abs=0.01)
        assert center_width(mask) in (25, 50)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_mask_is_drawn_in_the_time_of_a_few_transforms(pattern):
    """A ratio of processor times, which neither a slow nor a busy machine changes much."""

    def least_time(function):
        times = []
        for seed in range(5):
            start = time.process_time()
            function(seed)
            times.append(time.process_time() - start)
        return min(times)

    image = np.random.default_rng(0).random((320, 320))
    draw = least_time(lambda seed: sample_mask(pattern, image.shape, 4, 0.08, seed))
    transform = least_time(lambda _: np.fft.fft2(image))
    assert draw < (100 if pattern == "poisson_disc" else 5) * transform
