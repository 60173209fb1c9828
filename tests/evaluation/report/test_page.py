"""The page holds everything it needs, and everything that was measured."""

import dataclasses
import html.parser
import json
import re

import numpy as np

from mript_jax.evaluation.report import write_report
from mript_jax.evaluation.results import FORMATS
from mript_jax.evaluation.summary import METRICS
from mript_jax.physics.tasks import TASKS

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


def test_the_typical_case_is_nearest_to_the_median_of_all(tmp_path, make_examples, make_page):
    examples = make_examples()
    psnrs = [example.values["mript"]["psnr"] for example in examples]
    middle = int(np.argmin(np.abs(np.array(psnrs) - np.median(psnrs))))
    kept = {middle, int(np.argmin(psnrs)), int(np.argmax(psnrs))}
    examples = [
        e if i in kept else dataclasses.replace(e, pictures=None) for i, e in enumerate(examples)
    ]
    make_page(tmp_path / "report.html", examples)
    data = data_of(tmp_path / "report.html")
    assert data["total"] == 21 and len(data["cases"]) == 3
    assert data["cases"][data["typical"]]["values"]["mript"]["psnr"] == round(psnrs[middle], 4)
    assert "3 of the 21 slices and tasks have pictures" in (tmp_path / "report.html").read_text()


def test_slices_worse_than_zero_filling_are_told_first(tmp_path, make_examples, make_page):
    examples = make_examples()
    make_page(tmp_path / "good.html", examples)
    assert "Worse than" not in (tmp_path / "good.html").read_text()
    examples[3].values["mript"]["psnr"] = examples[3].values["zero_filled"]["psnr"] - 0.04
    make_page(tmp_path / "bad.html", examples)
    page = (tmp_path / "bad.html").read_text()
    told = "<b>Worse than zero filled</b> in 1 of 21 slices and tasks, by up to 0.04 dB"
    assert told in page and page.index(told) < page.index("<main>")
    assert "order the pictures by least gain to see them" in page


def test_slices_worse_than_zero_filling_are_said_to_be_shown_only_if_they_are(
    tmp_path, make_examples, make_page
):
    examples = make_examples()
    for example in examples[:3]:
        example.values["mript"]["psnr"] = example.values["zero_filled"]["psnr"] - 0.04
    examples[0] = dataclasses.replace(examples[0], pictures=None)
    make_page(tmp_path / "some.html", examples)
    assert "to see the worst 2 of them." in (tmp_path / "some.html").read_text()
    make_page(tmp_path / "none.html", [dataclasses.replace(e, pictures=None) for e in examples])
    page = (tmp_path / "none.html").read_text()
    assert "Worse than" in page and "least gain to see" not in page


def test_page_of_a_change_leads_with_what_it_changed(tmp_path, make_examples, make_page):
    examples = make_examples()
    examples[3].values["mript"]["psnr"] = examples[3].values["unet"]["psnr"] - 0.25
    make_page(tmp_path / "better.html", examples, over="unet")
    page = (tmp_path / "better.html").read_text()
    assert re.search(r"\+\d\.\d\d dB over unet; worse in 1 of 21 slices and tasks", page)
    assert "<b>Worse than unet</b> in 1 of 21 slices and tasks, by up to 0.25 dB: order" in page
    assert "It did not help" not in page and "PSNR gain of mript over unet" in page
    assert data_of(tmp_path / "better.html")["over"] == "unet"


def test_page_of_a_change_that_did_not_help_says_so_first(tmp_path, make_examples, make_page):
    examples = make_examples(TASKS[:1])
    for example in examples:  # far above zero-filling all the same
        example.values["mript"]["psnr"] = example.values["unet"]["psnr"] - 0.03
    make_page(tmp_path / "report.html", examples, over="unet")
    page = (tmp_path / "report.html").read_text()
    assert "-0.03 dB over unet; worse in 3 of 3 slices." in page
    assert "dB over zero-filled" not in page and "Worse than zero" not in page
    told = "It did not help: keep the weights that you started from"
    assert told in page and page.index(told) < page.index("<main>")


def test_window_and_level_are_those_of_every_gray_picture(page):
    text = page.read_text()
    for picture in (
        'id="stage-left" class="gray"',
        'className: "zoom gray"',
        'className: "gray", src',
    ):
        assert picture in text


def test_the_title_is_words_and_facts_come_after_the_pictures(tmp_path, make_examples, make_page):
    path = tmp_path / "report.html"
    make_page(path, make_examples(), dataset="fastmri:/home/someone/knee_scans with noise 0.01")
    page = path.read_text()
    assert "<h1>MR-IPT: knee scans, test split</h1>" in page
    assert page.index('id="first"') < page.index("protocol</dt>")


def test_no_folder_of_the_machine_is_in_the_page(tmp_path, make_examples, make_page):
    path = tmp_path / "report.html"
    secret = {
        "checkpoint": "/home/someone/runs/tiny/checkpoints/70",
        "unseen": "no /home/someone/x/y",
    }
    results = make_page(path, make_examples(), dataset="fastmri:/home/someone/knee", **secret)
    write_report(path, results | {"methods": {"mript": secret}}, make_examples())
    page = path.read_text()
    assert "/home" not in page and "…/tiny/checkpoints/70" in page


def test_axes_are_named_with_their_units(page):
    text = page.read_text()
    for name in (
        "PSNR (dB)",
        "acceleration (fully sampled / sampled)",
        "error (share of the signal)",
    ):
        assert f">{name}</text>" in text


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
