"""Results survive the file, read well as tables, and are not compared across protocols."""

import csv
import io
import json

import pytest

from mript_jax.errors import UserError
from mript_jax.evaluation.results import (
    csv_table,
    gains,
    latex_table,
    make_results,
    markdown_table,
    merge_results,
    read_results,
    scaled_by_reference,
    write_results,
)


def row(method: str, acceleration: float = 4.0, psnr: float = 30.0) -> dict:
    means = {"psnr": psnr, "ssim": 0.9, "nmse": 0.01}
    return {
        "pattern": "cartesian_random",
        "acceleration": acceleration,
        "center_fraction": 0.08,
        "true_acceleration": 3.9,
        "method": method,
        **means,
        **{f"{name}_std": 0.1 for name in means},
        "count": 7,
    }


def results(
    model="mript", protocol="mript_paper", split="test", rows=None, seed=3, **about
) -> dict:
    rows = rows or [row("mript", psnr=33.25), row("zero_filled")]
    return make_results(model, "phantom", protocol, split, rows, seed=seed, **about)


def test_results_survive_the_file(tmp_path):
    write_results(tmp_path, results())
    assert read_results(tmp_path) == read_results(tmp_path / "results.json") == results()
    assert results()["seed"] == 3


def test_no_folder_of_the_machine_is_in_any_file(tmp_path):
    about = {"checkpoint": "/home/some one/runs/tiny/checkpoints/70"}
    found = make_results("m", "fastmri:/home/some one/knee", "mript_paper", "test", [row("m")])
    found |= make_results(**(found | about | {"methods": {"m": dict(about)}}))
    write_results(tmp_path, found)
    texts = [path.read_text() for path in tmp_path.iterdir()]
    assert len(texts) == 4 and not any("/home" in text or "some one" in text for text in texts)
    assert "checkpoint …/tiny/checkpoints/70" in (tmp_path / "results.md").read_text()


def test_results_of_earlier_versions_merge_with_those_of_today(tmp_path):
    place = "fastmri:/home/someone/scans/knee"
    today = make_results("a", place, "mript_paper", "test", [row("a")])
    (tmp_path / "results.json").write_text(json.dumps({**today, "model": "b", "dataset": place}))
    merged = merge_results([today, read_results(tmp_path)])
    assert merged["dataset"] == "fastmri:…/scans/knee"


def test_every_line_of_the_csv_says_its_protocol_and_split(tmp_path):
    lines = list(csv.DictReader(io.StringIO(csv_table(results()))))
    assert [line["method"] for line in lines] == ["mript", "zero_filled"]
    for line in lines:
        assert line["protocol"] == "mript_paper" and line["split"] == "test"
    assert float(lines[0]["psnr"]) == 33.25


def test_tables_name_the_protocol_and_mark_the_best():
    for table, best in (
        (markdown_table(results()), "**33.25**"),
        (latex_table(results()), r"\textbf{33.25}"),
    ):
        assert "mript_paper" in table.splitlines()[0]
        assert best in table and "30.00" in table


def test_latex_escapes_underscores_outside_comments():
    body = [line for line in latex_table(results()).splitlines() if not line.startswith("%")]
    assert r"cartesian\_random" in "\n".join(body)
    assert all("_" not in line.replace(r"\_", "") for line in body)


def test_results_of_two_models_merge_to_one_table():
    other = results("unet", rows=[row("unet"), row("zero_filled")], scale="target")
    merged = merge_results([results(), other])
    assert scaled_by_reference(merged) == ["unet"] and "scale" not in merged
    assert merged["model"] == "mript + unet"
    assert [r["method"] for r in merged["rows"]] == ["mript", "zero_filled", "unet"]


@pytest.mark.parametrize(
    "change", ({"protocol": "fastmri_official"}, {"split": "validation"}, {"seed": 7})
)
def test_rows_of_different_protocols_or_splits_are_not_compared(change):
    with pytest.raises(UserError, match="cannot be compared"):
        merge_results([results(), results("unet", **change)])


def test_rows_of_one_method_and_task_must_agree():
    other = results("unet", rows=[row("mript", psnr=20.0)])
    with pytest.raises(UserError, match="rename"):
        merge_results([results(), other])


def test_a_file_without_results_is_named(tmp_path):
    with pytest.raises(UserError, match="no results at"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text('{"model": "mript"}')
    with pytest.raises(UserError, match=r"results\.json .* lacks protocol"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        read_results(tmp_path)


def test_gains_are_the_differences_to_the_baseline_in_each_task():
    rows = [row("mript", psnr=33.25), row("zero_filled"), row("mript", acceleration=8.0)]
    assert gains(rows, "mript") == {("cartesian_random", 4.0): 3.25}
