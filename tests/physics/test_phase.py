import numpy as np

from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.phase import low_resolution_phase


def test_phase_of_an_undersampled_real_image_is_zero():
    mask = sample_mask("cartesian_random", (12, 10), 2, 0.2, 0)
    image = np.random.default_rng(0).uniform(0.5, 1, (12, 10)).astype(np.float32)
    phase = low_resolution_phase(mask * fft2c(image)[None], mask)
    assert phase.dtype == np.complex64
    np.testing.assert_allclose(phase, 1, atol=1e-3)
