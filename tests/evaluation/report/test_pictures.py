"""Pictures show what the arrays hold."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mript_jax.evaluation.report.pictures import (
    error_scale,
    error_uri,
    grey,
    grey_uri,
    kspace_view,
    save_row,
    worst_spot,
)


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_grey_values_survive_the_data_uri():
    values = grey(np.linspace(0, 1, 48).reshape(6, 8), 0.5)
    np.testing.assert_array_equal(np.asarray(opened(grey_uri(values))), values)
    assert values[0, 0] == 0 and values[-1, -1] == 255


def test_error_colors_grow_brighter_up_to_the_scale():
    error = np.repeat([[0.0, 0.02, 0.05, 0.08, 0.1, 0.2]], 16, axis=1).repeat(16, axis=0)
    shown = np.asarray(opened(error_uri(error, 0.1))).astype(int).sum(axis=-1)[8, 8::16]
    assert (np.diff(shown[:5]) > 20).all() and abs(shown[4] - shown[5]) < 10


def test_one_error_scale_holds_for_all_methods():
    small, large = np.full((8, 8), 0.004), np.full((8, 8), 0.19)
    assert error_scale([small]) == 0.01
    assert error_scale([small, large]) == 0.2


def test_the_zoom_box_lies_on_the_largest_error():
    error = np.zeros((40, 60))
    error[30:34, 6:10] = 1.0
    left, top = worst_spot(error, 0.25)
    assert left * 60 <= 6 and (left + 0.25) * 60 >= 10
    assert top * 40 <= 30 and (top + 0.25) * 40 >= 34


@pytest.mark.parametrize("shape", ((33, 40), (224, 224), (320, 368)))
def test_a_kspace_view_is_brightest_at_zero_frequency(shape):
    view = kspace_view(np.ones(shape, np.float32) + 0.01 * np.eye(*shape, dtype=np.float32))
    assert max(view.shape) <= 112
    row, column = np.unravel_index(np.argmax(view), view.shape)
    assert abs(row - view.shape[0] / 2) <= 1 and abs(column - view.shape[1] / 2) <= 1


def test_a_row_of_images_is_saved_side_by_side(tmp_path):
    save_row(tmp_path / "row.png", [np.zeros((5, 4)), np.ones((5, 6))], brightest=1.0)
    saved = np.asarray(Image.open(tmp_path / "row.png"))
    assert saved.shape == (5, 10) and saved[:, :4].max() == 0 and saved[:, 4:].min() == 255
