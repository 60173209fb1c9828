"""HFEN, sharpness and the error over frequency see what they are made to see."""

import jax
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_laplace

from mript_jax.evaluation import metrics
from mript_jax.evaluation.metrics import BANDS

frequency_error, hfen, nmse, sharpness = map(
    jax.jit, (metrics.frequency_error, metrics.hfen, metrics.nmse, metrics.sharpness)
)


def image(seed: int = 0, shape=(48, 60)) -> np.ndarray:
    """A structured image that is dark at its border, [1, H, W]."""
    rough = np.random.default_rng(seed).uniform(size=shape)
    window = np.outer(np.hanning(shape[0]), np.hanning(shape[1]))
    return (gaussian_filter(rough, 1.0) * window)[None].astype(np.float32)


def ring_of(shape) -> np.ndarray:
    """Distance from the center of k-space, 1 at its edges."""
    y, x = (2 * np.fft.fftfreq(n) for n in shape)
    return np.hypot(y[:, None], x)


def test_hfen_equals_the_laplacian_of_gaussian_of_scipy():
    reference, estimate = image(0), image(1)
    edges = [
        gaussian_laplace(im[0].astype(np.float64), 1.5, mode="constant", truncate=7 / 1.5)
        for im in (reference, reference - estimate)
    ]
    expected = np.linalg.norm(edges[1]) / np.linalg.norm(edges[0])
    assert float(hfen(reference, estimate)[0]) == pytest.approx(expected, rel=1e-3)


def test_hfen_does_not_see_a_smooth_error():
    reference = image()
    y, x = np.mgrid[-1:1:48j, -1:1:60j]
    smooth = reference + 0.05 * np.exp(-4 * (x**2 + y**2))[None].astype(np.float32)
    sharp = reference + np.random.default_rng(0).normal(0, 0.02, reference.shape)
    assert nmse(reference, smooth)[0] > 0.5 * nmse(reference, sharp)[0]
    assert hfen(reference, smooth)[0] < 0.15 * hfen(reference, sharp)[0]


def test_sharpness_falls_with_blur_and_not_with_noise():
    reference = image()
    blurred = [gaussian_filter(reference, (0, s, s)) for s in (0.5, 1.0, 2.0)]
    values = [float(sharpness(reference, im)[0]) for im in (reference, *blurred)]
    assert values[0] == pytest.approx(1.0)
    assert (np.diff(values) < -0.1).all()
    noise = np.random.default_rng(0).normal(0, 0.02, reference.shape).astype(np.float32)
    assert float(sharpness(reference, reference + noise)[0]) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("shape", ((48, 60), (33, 47)))
@pytest.mark.parametrize("band", (0, 4, BANDS - 1))
def test_an_error_in_a_ring_of_kspace_is_told_in_that_band(shape, band):
    reference = image(shape=shape)
    ring = np.minimum((ring_of(shape) * BANDS).astype(int), BANDS - 1)
    spectrum = np.fft.fft2(reference[0]) * np.where(ring == band, 0.75, 1.0)
    estimate = np.fft.ifft2(spectrum).real[None].astype(np.float32)
    expected = np.where(np.arange(BANDS) == band, 0.25, 0.0)
    np.testing.assert_allclose(frequency_error(reference, estimate)[0], expected, atol=0.01)


def test_the_bands_add_up_to_the_whole_error():
    reference, estimate = image(0), image(1)
    ring = np.minimum((ring_of(reference.shape[1:]) * BANDS).astype(int), BANDS - 1)
    energy = np.abs(np.fft.fft2(reference[0])) ** 2
    shares = np.array([energy[ring == band].sum() for band in range(BANDS)]) / energy.sum()
    whole = (np.square(frequency_error(reference, estimate)[0]) * shares).sum()
    assert whole == pytest.approx(float(nmse(reference, estimate)[0]), rel=1e-4)
