"""Paired differences of methods on the same slices."""

import pytest

from mript_jax.experiments.paired import paired_differences, paired_rows, read_slices

HEADER = "pattern,acceleration,center_fraction,volume,slice_index,method,psnr,ssim,nmse"


def write(path, rows):
    lines = [f"gaussian_1d,{r},0.1,{v},0,{m},{p},{s},0.1" for r, v, m, p, s in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


@pytest.fixture
def examples(tmp_path):
    """Two trainings of `ours`, better than `rival` at 2x on every volume, at 4x on average only."""
    rows = []
    for volume in range(6):
        for seed, psnr in (("ours 0", 31.0), ("ours 1", 33.0)):
            rows.append((2, f"v{volume}", seed, psnr + volume, 0.9))
            rows.append((4, f"v{volume}", seed, 30.0, 0.8))
        rows.append((2, f"v{volume}", "rival", 30.0 + volume, 0.8))
        rows.append((4, f"v{volume}", "rival", 40.0 if volume == 0 else 27.0, 0.7))
    return write(tmp_path / "examples.csv", rows)


def test_slices_are_means_over_the_trainings_of_a_network(examples):
    slices = read_slices(examples, ("ours 0", "ours 1"))
    assert slices[("gaussian_1d", "2", "0.1"), "v3", "0"]["psnr"] == 35.0
    assert len(slices) == 12


def test_difference_counts_as_better_only_where_the_interval_is_above_zero(examples):
    ours, rival = read_slices(examples, ("ours 0", "ours 1")), read_slices(examples, ("rival",))
    at_2x, at_4x = paired_differences(ours, rival)
    assert at_2x["psnr"] == pytest.approx(2.0) and at_2x["psnr_low"] == pytest.approx(2.0)
    assert at_2x["better"]
    assert at_4x["psnr"] == pytest.approx(5 / 6) and at_4x["psnr_low"] < 0
    assert not at_4x["better"]


def test_table_has_a_row_for_each_rival(examples):
    ours = ("ours 0", "ours 1")
    pairs = {"theirs": (ours, ("rival",)), "of one seed": (ours[:1], ("rival",))}
    rows = [list(row.values()) for row in paired_rows(examples, pairs)]
    assert rows == [
        ["theirs", 2, "1 of 2", "1.42", "0.83", "2.00"],
        ["of one seed", 1, "1 of 2", "0.92", "0.83", "1.00"],
    ]
