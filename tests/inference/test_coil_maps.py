"""Coil sensitivity maps of scans, as networks are given them."""

import numpy as np

from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import coil_sensitivities
from mript_jax.inference.coil_maps import filled_maps
from mript_jax.physics.coils import estimate_sensitivities
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask

SHAPE = (40, 32)


def test_maps_are_filled_where_espirit_sees_no_object():
    own = coil_sensitivities(4, SHAPE, np.random.default_rng(1))
    mask = sample_mask("cartesian_random", SHAPE, 2.0, 0.2, 0)[None]
    kspace = (fft2c(make_slice(2, 0, SHAPE).image * own) * mask)[None].astype(np.complex64)
    maps = np.array(own[None], np.complex64)
    maps[..., :10] = 0
    found = filled_maps(maps, kspace, mask)
    low = estimate_sensitivities(kspace, mask)
    np.testing.assert_array_equal(found[..., 10:], maps[..., 10:])
    np.testing.assert_array_equal(found[..., :10], low[..., :10])
    assert np.abs(low[..., :10]).min() > 0
