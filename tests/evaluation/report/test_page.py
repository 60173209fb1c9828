"""The page holds everything it needs, and everything that was measured."""

import dataclasses
import html.parser
import json
import re

from mript_jax.evaluation.report import write_report
from mript_jax.evaluation.results import FORMATS
from mript_jax.evaluation.summary import METRICS

VOID = ("meta", "link", "img", "input", "br")  # elements without an end


class Checker(html.parser.HTMLParser):
    """Collects ids and links, and complains about elements that are not closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links = [], [], []

    def handle_starttag(self, tag, attributes):
        self.ids += [value for name, value in attributes if name == "id"]
        self.links += [v for name, v in attributes if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


def data_of(page) -> dict:
    text = re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1]
    return json.loads(text)


def test_the_page_needs_no_other_file(page):
    checker = Checker()
    checker.feed(page.read_text())
    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids))
    assert all(link.startswith(("#", "data:")) for link in checker.links)
    assert all(link[1:] in checker.ids for link in checker.links if link.startswith("#"))
    assert not re.search(r"https?://|@import|url\((?!\$)", page.read_text())


def test_the_worst_case_comes_first(page):
    cases = data_of(page)["cases"]
    psnrs = [case["values"]["mript"]["psnr"] for case in cases]
    assert len(cases) == 21 and psnrs == sorted(psnrs)


def test_every_row_is_in_the_table_and_names_its_protocol(tmp_path, make_examples, make_page):
    path = tmp_path / "report.html"
    results = make_page(path, make_examples())
    text = path.read_text()
    assert "mript_paper" in text and "data range 1" in text
    for row in results["rows"]:
        assert FORMATS["psnr"].format(row["psnr"]) in text


def test_names_of_users_cannot_break_the_page(tmp_path, make_examples, make_page):
    path = tmp_path / "report.html"
    bad = "</script><b>&'\""
    make_page(path, make_examples(volumes=(bad, "v1")), dataset=bad)
    checker = Checker()
    checker.feed(path.read_text())
    assert checker.open == []
    assert data_of(path)["cases"][-1]["volume"] == bad


def test_one_task_one_volume_and_one_method_make_a_page_too(tmp_path, make_examples, make_page):
    examples = make_examples(volumes=("v0",))[:1]
    del examples[0].values["zero_filled"]
    path = tmp_path / "report.html"
    make_page(path, examples)
    assert "PSNR of mript, dB" in path.read_text()


def test_a_page_without_pictures_still_has_its_figures(tmp_path, make_examples, make_page):
    path = tmp_path / "report.html"
    make_page(path, [dataclasses.replace(e, pictures=None) for e in make_examples()])
    assert data_of(path)["cases"] == []


def test_the_page_says_when_the_scale_comes_from_the_reference(tmp_path, make_examples, make_page):
    results = make_page(tmp_path / "report.html", make_examples())
    for scale, said in (("target", "which only a study knows"), ("zero_filled", "a scanner knows")):
        write_report(tmp_path / "report.html", results | {"scale": scale}, make_examples())
        assert said in (tmp_path / "report.html").read_text()


def test_results_with_nothing_but_the_fixed_keys_make_a_page_too(
    tmp_path, make_examples, make_page
):
    path = tmp_path / "report.html"
    results = make_page(path, make_examples())
    fixed = ("pattern", "acceleration", "center_fraction", "true_acceleration", "method", "count")
    for row in results["rows"]:
        for name in set(row) - set(fixed):
            if name.removesuffix("_std") not in METRICS:
                del row[name]
    write_report(path, results, make_examples())
    assert "HFEN" not in path.read_text() and "PSNR" in path.read_text()
