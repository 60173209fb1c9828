import numpy as np

from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.source import PhantomSource


def test_records_without_noise_are_the_magnitude_of_the_slice():
    clean, noisy = (PhantomSource(2, 3, 48, noise=noise)[1].image for noise in (False, True))
    made = make_slice(2, 1, (48, 48))
    np.testing.assert_array_equal(clean, np.abs(made.image))
    assert 0.3 * made.noise < np.std(noisy - clean) < 1.5 * made.noise
