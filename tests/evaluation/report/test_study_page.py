"""The page of a study shows every row, and draws those that have a gain."""

import re
from xml.etree import ElementTree

from mript_jax.evaluation.report import write_study_chart, write_study_page

ROW = {"condition": "test", "psnr": 22.0, "gain_low": 1.5, "gain_high": 2.5}
ROWS = [
    ROW | {"method": "pretrained", "gain": 2.0},
    ROW | {"method": "fresh <b>", "gain": -1.0, "gain_low": None, "gain_high": None},
    ROW | {"method": "zero_filled", "gain": 0.0},
]


def test_rows_are_drawn_in_the_order_of_their_gains(tmp_path):
    write_study_page(tmp_path / "s.html", "A & B", ROWS, {"test": "evaluation/test/report.html"})
    page = (tmp_path / "s.html").read_text()
    assert "A &amp; B" in page and "fresh <b>" not in page and page.count("<tr>") == 1 + len(ROWS)
    assert "best is <b>pretrained</b>, +2.00 dB above zero-filled" in page
    assert "worse than zero-filled: fresh &lt;b&gt; (-1.00 dB)" in page
    assert 'href="evaluation/test/report.html"' in page
    dots = [float(x) for x in re.findall(r'circle cx="([\d.]+)"', page)]
    assert len(dots) == 2 and dots[0] > dots[1]  # zero-filled is the zero of the axis
    left, right = (float(x) for x in re.search(r'points="([\d.]+),\S+ ([\d.]+),', page).groups())
    assert left < dots[0] < right


def test_rows_without_a_gain_are_a_table(tmp_path):
    write_study_page(tmp_path / "s.html", "Heads", [{"features": "pixels", "accuracy": 0.5}], {})
    page = (tmp_path / "s.html").read_text()
    assert "<svg" not in page and "<td>pixels</td><td>0.500</td>" in page


def test_chart_by_itself_is_the_pages_with_its_colors(tmp_path):
    write_study_chart(tmp_path / "s.svg", ROWS)
    write_study_page(tmp_path / "s.html", "A", ROWS, {})
    text = (tmp_path / "s.svg").read_text()
    chart = ElementTree.fromstring(text)
    assert chart.tag == "{http://www.w3.org/2000/svg}svg" and "--c0:" in text
    drawn = text.partition("</style>")[2].strip()
    assert drawn.count("<circle") == 2 and drawn in (tmp_path / "s.html").read_text()


def test_long_names_are_not_cut(tmp_path):
    long = "cartesian equispaced, only cartesian equispaced"
    write_study_chart(tmp_path / "s.svg", [ROWS[0], ROWS[2] | {"method": long}, ROWS[1]])
    text = (tmp_path / "s.svg").read_text()
    ends = [float(x) for x in re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="end">', text)]
    assert min(ends) > 6.5 * len(long)  # pixels a letter


def test_rows_without_a_gain_have_no_chart(tmp_path):
    write_study_chart(tmp_path / "s.svg", [{"features": "pixels", "accuracy": 0.5}])
    assert not list(tmp_path.iterdir())


def test_columns_name_their_unit_and_the_best_is_bold(tmp_path):
    write_study_page(tmp_path / "s.html", "A", ROWS, {})
    page = (tmp_path / "s.html").read_text()
    assert "<th>PSNR (dB)</th>" in page and "<td><b>2.000</b></td>" in page
    assert "<td><b>-1.000</b></td>" not in page


def test_range_is_called_what_it_is(tmp_path):
    several = [ROWS[0] | {"seeds": 3}, ROWS[1] | {"seeds": 1, "gain_low": -1.5, "gain_high": 0.5}]
    write_study_page(tmp_path / "s.html", "A", several, {})
    first, second = re.findall("<tr>(<td>.*?)</tr>", (tmp_path / "s.html").read_text())
    assert "<td>least to most of 3 trainings</td>" in first and "95 %" not in first
    assert "<td>95 % interval over tasks</td>" in second
    assert "95 % interval from" not in (tmp_path / "s.html").read_text()


def test_differences_on_the_same_slices_are_on_the_page(tmp_path):
    paired = {"test: ours <b> against each": [{"rival": "unet", "mean difference (dB)": "1.25"}]}
    write_study_page(tmp_path / "s.html", "A", ROWS, {}, paired=paired)
    page = (tmp_path / "s.html").read_text()
    assert "<h3>test: ours &lt;b&gt; against each</h3>" in page
    assert "<th>mean difference (dB)</th>" in page and "<td>unet</td><td>1.25</td>" in page


def test_a_slice_is_shown_under_every_method(tmp_path):
    pictures = {"test": "evaluation/test/typical.png"}
    write_study_page(tmp_path / "s.html", "A", ROWS, {}, pictures)
    page = (tmp_path / "s.html").read_text()
    assert 'src="evaluation/test/typical.png"' in page
    assert "test, from left: zero filled, pretrained, fresh &lt;b&gt;, reference" in page
