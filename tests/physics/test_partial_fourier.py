"""Partial Fourier and partial echo: recognition and completion of k-space."""

import numpy as np
import pytest

from mript_jax.data.phantom.scan import HeadScan
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.partial_fourier import complete_kspace, measured_share

SIZE = 64
SMOOTH, RAPID = 9, 11  # seeds of heads, by their phase


def line(before, after=0, size=SIZE):
    return np.pad(np.ones(size - before - after, bool), (before, after))


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [(0, 0, 1.0), (16, 0, 0.75), (0, 16, 0.75), (8, 0, 0.875), (10, 10, 1.0), (9, 10, 1.0)],
)
def test_share_is_that_of_the_measured_samples(before, after, share):
    assert measured_share(line(before, after)) == share


def test_padding_at_both_ends_counts_as_no_part_of_the_axis():
    assert measured_share(line(20, 8)) == (64 - 28) / (64 - 16)


@pytest.fixture(scope="module")
def scans():
    return {
        seed: next(HeadScan(slices=1, size=SIZE, coils=2, seed=seed).kspace())
        for seed in (SMOOTH, RAPID)
    }


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (line(0), line(16)),
        (line(0), line(0, 16)),
        (line(16), line(0)),
        (line(16), line(16)),
        (line(16), line(4, 4)),
    ],
    ids=["first lines", "last lines", "echo", "echo and lines", "echo and padding"],
)
def test_smooth_phase_brings_the_image_nearer_the_reference(scans, rows, columns):
    kspace = scans[SMOOTH]
    padding = line(4, 4) if columns.sum() == SIZE - 8 else line(0)
    reference = root_sum_of_squares(ifft2c(kspace * padding), axis=0)
    measured = kspace * np.outer(rows, columns)
    completed = complete_kspace(measured, rows, columns)
    kept = np.outer(rows, columns)
    np.testing.assert_allclose(completed[:, kept], kspace[:, kept], atol=1e-6)
    assert completed.dtype == np.complex64 and not completed[..., ~padding].any()
    before, after = (
        np.linalg.norm(root_sum_of_squares(ifft2c(k), axis=0) - reference)
        for k in (measured, completed)
    )
    assert after < 0.6 * before


def test_rapid_phase_is_not_completed(scans):
    measured = scans[RAPID] * line(16)
    assert complete_kspace(measured, line(0), line(16)) is None


def test_center_too_narrow_to_tell_the_phase_is_not_completed(scans):
    assert complete_kspace(scans[SMOOTH] * line(30), line(0), line(30)) is None


def test_real_image_is_completed_almost_exactly():
    image = np.zeros((SIZE, SIZE))
    image[20:40, 15:50] = 1.0
    kspace = fft2c(image).astype(np.complex64)[None]
    completed = complete_kspace(kspace * line(16), line(0), line(16))
    error = np.abs(ifft2c(completed[0])) - image
    assert np.linalg.norm(error) < 0.05 * np.linalg.norm(image)
