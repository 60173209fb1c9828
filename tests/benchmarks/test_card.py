"""The rows of a card's picture, and what they are ordered by."""

import numpy as np
import pytest

from mript_jax.benchmarks.card import SHOWN, gain, row
from mript_jax.evaluation.evaluate import SliceResult
from mript_jax.physics.tasks import make_task


@pytest.fixture
def example():
    image = np.linspace(0, 1, 30, dtype=np.float32).reshape(6, 5)
    estimates = {"zero_filled": 0.5 * image, "total_variation": image, "model": image + 0.1}
    values = {"zero_filled": {"psnr": 20.0}, "model": {"psnr": 23.5}}
    return SliceResult(
        task=make_task("radial", 4.0),
        true_acceleration=4.0,
        volume="v",
        slice_index=0,
        values=values,
        pictures=estimates | {"reference": image, "mask": image},
    )


def test_row_shows_every_image_in_one_window_and_the_error_five_times_brighter(example):
    shown = row(example)
    assert shown.shape == (6, 5 * (len(SHOWN) + 1))
    zero_filled, total_variation, model, reference, error = np.split(shown, 5, axis=1)
    np.testing.assert_array_equal(total_variation, reference)
    assert zero_filled.mean() < reference.mean() < model.mean()
    assert abs(int(error[0, 0]) - 5 * int(model[0, 0])) <= 5


def test_gain_is_over_the_zero_filled_image(example):
    assert gain(example) == 3.5
