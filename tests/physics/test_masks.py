import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.physics.masks import PATTERNS, sample_mask

SHAPES = st.tuples(st.integers(24, 150), st.integers(24, 150))
AXES = st.sampled_from([-1, -2])
FEW = settings(max_examples=60, deadline=None)


@st.composite
def requests(draw, patterns=tuple(PATTERNS)):
    """(pattern, shape, acceleration, center fraction, seed, axis), all of them possible."""
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
def test_a_mask_is_zeros_and_ones_of_the_shape_asked_for(request):
    mask = sample_mask(*request)
    assert mask.shape == request[1]
    assert mask.dtype == np.float32
    assert mask.flags.c_contiguous
    assert set(np.unique(mask)) <= {0, 1}
    assert mask.any()


@given(requests())
@FEW
def test_the_same_seed_gives_the_same_mask_and_leaves_the_global_state_alone(request):
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = sample_mask(*request)
    np.random.seed(2)
    np.testing.assert_array_equal(first, sample_mask(*request))
    np.random.seed(1)
    np.testing.assert_array_equal(before, np.random.get_state()[1])


@given(requests())
@FEW
def test_the_other_axis_is_the_transposed_mask(request):
    pattern, shape, *rest, axis = request
    other = sample_mask(pattern, shape[::-1], *rest, axis=-3 - axis)
    np.testing.assert_array_equal(sample_mask(*request), other.T)
