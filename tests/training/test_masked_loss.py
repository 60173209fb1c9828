"""The loss of masked modelling, against SimMIM's formula."""

import numpy as np

from mript_jax.training.losses import build_loss


def test_masked_l1_is_the_mean_error_of_hidden_pixels():
    rng = np.random.default_rng(0)
    estimate, target = rng.random((2, 3, 8, 8, 4), np.float32)
    hidden = np.zeros((3, 8, 8), np.float32)
    hidden[:, 2:5, 1:6] = 1
    loss = build_loss("masked_l1")
    values = loss(lambda method: (estimate, target, hidden), {})
    expected = np.abs(estimate - target)[:, 2:5, 1:6].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    # SimMIM divides once for the whole batch: the same, since each image has as many hidden pixels.
    error = np.abs(estimate - target) * hidden[..., None]
    theirs = error.sum() / (hidden.sum() + 1e-5) / 4
    np.testing.assert_allclose(values.mean(), theirs, rtol=1e-5)
    nothing_hidden = loss(lambda method: (estimate, target, 0 * hidden), {})
    np.testing.assert_array_equal(nothing_hidden, 0)
