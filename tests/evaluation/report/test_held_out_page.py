"""The page of a comparison without references names its pictures and has every slice's errors."""

import re

import numpy as np
import pytest

from mript_jax.evaluation.report import write_held_out_page
from mript_jax.evaluation.report.held_out_page import HeldOutSlice, typical_and_worst

AFTER = (0.2, 0.9, 0.4, 0.3, 0.5)


@pytest.fixture
def slices():
    return [
        HeldOutSlice("knee <1>", i, {"before": 0.5, "fine_tuned": e}) for i, e in enumerate(AFTER)
    ]


@pytest.fixture
def page(slices, tmp_path):
    image = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    images = {"zero_filled": 0.5 * image, "before": 0.9 * image, "fine_tuned": image}
    write_held_out_page(tmp_path / "r.html", "Ours & co", slices, {2: images, 1: images})
    return (tmp_path / "r.html").read_text()


def test_typical_is_the_median_and_worst_the_largest_error_of_the_last_method(slices):
    assert typical_and_worst(slices) == [2, 1]
    assert typical_and_worst(slices[:1]) == [0]


def test_pictures_are_named_with_their_errors(page):
    assert "Ours &amp; co" in page and "knee <1>" not in page
    told = re.findall(r"<b>([^<]*)</b><br>([^<]*)</p><img class=\"\w+\" src=\"data:image", page)
    assert [name for name, _ in told[:3]] == ["zero filled", "before", "fine tuned"]
    assert told[1][1] == "error 0.5000" and told[2][1] == "error 0.4000"
    assert told[6][1] == "error 0.9000" and len(told) == 8
    assert told[3] == ("change from before to fine tuned", "0 (dark) to 0.1 of white, or more")


def test_every_slice_has_its_errors_and_what_got_worse_is_told(page):
    rows = re.findall(r"<tr><td>.*?</tr>", page)
    assert len(rows) == len(AFTER) and "0.9000" in rows[0] and "+0.4000" in rows[0]
    assert page.count("<title>before: ") == page.count("<title>fine_tuned: ") == len(AFTER)
    assert "<b>Worse fine tuned than before</b> in 1 of 5 slices" in page
    assert "0.5000 before, <b>0.4600 fine tuned</b>" in page


@pytest.mark.parametrize(
    ("changes", "helped"),
    [
        ((-0.1, -0.08, -0.12, -0.1, -0.09), True),
        ((-0.1, 0.08, -0.12, 0.1, 0.03), False),  # lower in the mean, by chance
        ((0.01, 0.01, 0.01, 0.01, 0.01), False),
    ],
)
def test_change_that_did_not_help_is_told_first(slices, tmp_path, changes, helped):
    image = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    images = {"zero_filled": image, "before": image, "fine_tuned": image}
    changed = [
        one._replace(errors={"before": 0.4, "fine_tuned": 0.4 + change})
        for one, change in zip(slices, changes, strict=True)
    ]
    write_held_out_page(tmp_path / "page.html", "Ours", changed, {2: images})
    told = "It did not help: keep the weights that you started from."
    assert (told in (tmp_path / "page.html").read_text()) == (not helped)


def test_window_and_level_are_those_of_the_images_alone(page):
    assert page.count('class="gray"') == 2 * 3 and page.count('class="error"') == 2
    for name in ("level", "window"):
        assert re.search(rf'class="windowing".*<input type="range" name="{name}"', page, re.DOTALL)
    assert 'addEventListener("input", setWindow)' in page


def test_colors_of_the_page_and_its_chart_are_in_it(page):
    assert {"--ink", "--surface", "--c0", "--c1"} <= set(re.findall(r"(--[\w-]+):", page))
