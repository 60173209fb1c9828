"""Densities of masks: what they distinguish, and what they do not depend on."""

import jax
import numpy as np

from mript_jax.models.sampling_density import line_profiles, radial_profile
from mript_jax.physics.masks import sample_mask


def test_radial_profile_does_not_depend_on_the_size():
    small, large = (
        np.stack([sample_mask("gaussian_2d", (n, n), 4.0, 0.08, seed) for seed in range(8)])
        for n in (64, 128)
    )
    np.testing.assert_allclose(
        radial_profile(small).mean(0), radial_profile(large).mean(0), atol=0.2
    )
    assert radial_profile(small)[0, 0] > radial_profile(small)[0, -1]


def test_line_profiles_distinguish_regular_lines_and_the_axis():
    columns = sample_mask("cartesian_equispaced", (128, 128), 4.0, 0.08, 0)
    random = sample_mask("cartesian_random", (128, 128), 4.0, 0.08, 0)
    profiles = jax.jit(line_profiles)(np.stack([columns, random, columns.T]))
    lags = profiles[:, 48:64]  # of the columns' autocorrelation
    assert lags[0].max() > lags[1].max() + 0.2
    np.testing.assert_allclose(profiles[2, :32], profiles[0, 32:], atol=1e-6)
