"""The plot of quality against time."""

import xml.etree.ElementTree as ElementTree

from mript_jax.benchmarks.quality_plot import HEIGHT, MARGIN, WIDTH, quality_plot

SVG = "{http://www.w3.org/2000/svg}"


def test_slower_models_are_further_right_and_better_ones_higher():
    text = quality_plot([("fast & poor", 4.0, 24.5), ("slow", 90.0, 27.0)])
    picture = ElementTree.fromstring(text)
    (x0, y0), (x1, y1) = (
        (float(c.get("cx")), float(c.get("cy"))) for c in picture.iter(f"{SVG}circle")
    )
    assert MARGIN < x0 < x1 < WIDTH - MARGIN
    assert MARGIN < y1 < y0 < HEIGHT - MARGIN
    assert "fast & poor" in {t.text for t in picture.iter(f"{SVG}text")}


def test_plot_of_one_model_has_one_dot():
    assert quality_plot([("m", 10.0, 25.0)]).count("<circle") == 1
