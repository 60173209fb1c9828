import json

import numpy as np
import pytest

from mript_jax.data.pseudonyms import pseudonym
from mript_jax.data.readers.base import Source
from mript_jax.data.splits import (
    describe_splits,
    few_shot,
    read_splits,
    select_split,
    split_elements,
    split_of,
    write_splits,
)
from mript_jax.errors import UserError

SHARES = (0.8, 0.1, 0.1)


def make_source(volumes=60, official_splits=None):
    """Volumes of three slices; two volumes for each patient."""
    groups, subjects = (
        [name.format(i // count) for i in range(3 * volumes)]
        for name, count in (("file{}.h5", 3), ("patient{}", 6))
    )
    return Source(groups, subjects=subjects, official_splits=official_splits)


def test_splits_share_no_patient_and_leave_nothing_out():
    source = make_source()
    parts = {name: select_split(source, name, SHARES) for name in ("train", "validation", "test")}
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(source)))
    patients = [{source.subjects[i] for i in part} for part in parts.values()]
    assert not (patients[0] & patients[1] | patients[0] & patients[2] | patients[1] & patients[2])


def test_the_shares_come_out():
    splits = [split_of(f"patient{i}", SHARES) for i in range(5000)]
    np.testing.assert_allclose(
        [splits.count(s) / 5000 for s in ("train", "test")], [0.8, 0.1], atol=0.02
    )


def test_new_patients_move_no_old_one():
    small, large = make_source(20), make_source(60)
    assert split_elements(small, SHARES) == split_elements(large, SHARES)[: len(small)]


@pytest.mark.parametrize("prefix", ["sub-", "volume", "P"])
@pytest.mark.parametrize("count", [3, 5, 20])
def test_no_split_of_few_patients_is_empty(prefix, count):
    source = Source([f"{prefix}{i}.nii.gz" for i in range(count)])
    splits = split_elements(source, SHARES)
    assert set(splits) == {"train", "validation", "test"}
    by_hash = [split_of(name, SHARES) for name in source.subjects]
    assert sum(a != b for a, b in zip(splits, by_hash, strict=True)) <= 2


def test_split_without_a_share_stays_empty():
    source = Source([f"sub-{i}" for i in range(20)])
    assert set(split_elements(source, (0.9, 0.1, 0.0))) == {"train", "validation"}


def test_fewer_patients_than_splits_stay_where_they_are():
    assert split_elements(Source(["a", "b"]), SHARES) == [split_of(n, SHARES) for n in "ab"]


def test_splits_are_described_by_subjects_and_slices():
    source = make_source(2, official_splits=["train"] * 3 + ["validation"] * 3)
    text = "train 1 subjects, 3 slices; validation 1 subjects, 3 slices; test 0 subjects, 0 slices"
    assert describe_splits(source, split_elements(source, SHARES)) == text


def test_a_source_without_patients_is_split_by_volume():
    source = Source(["a", "a", "b"])
    assert split_elements(source, SHARES) == [split_of(g, SHARES) for g in "aab"]


def test_split_all_has_every_slice():
    assert len(select_split(make_source(), "all", SHARES)) == 180


def test_a_published_split_comes_first(tmp_path):
    path = tmp_path / "split.json"
    # by file, by file without its ending, and by patient
    path.write_text(json.dumps({"train": ["file0.h5", "file1"], "test": ["patient3"]}))
    source = make_source(10, official_splits=["validation"] * 30)
    chosen = split_elements(source, SHARES, str(path))
    assert chosen == ["train"] * 6 + [""] * 12 + ["test"] * 6 + [""] * 6


def test_the_official_split_comes_before_the_shares():
    source = make_source(2, official_splits=["train"] * 3 + ["validation"] * 3)
    assert list(select_split(source, "validation", SHARES)) == [3, 4, 5]


def test_a_written_split_reads_back(tmp_path):
    chosen = {"b.h5": "test", "a.h5": "train", "c.h5": "train", "unused.h5": ""}
    write_splits(tmp_path / "s.json", chosen)
    assert read_splits(tmp_path / "s.json") == {k: v for k, v in chosen.items() if v}
    assert json.loads((tmp_path / "s.json").read_text())["train"] == ["a.h5", "c.h5"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{not json", "Expecting"),
        ("[1, 2]", "list"),
        ('{"train": ["a"], "test": ["a"]}', "a is in train and in test"),
        ('{"training": ["a"]}', "names no volume"),
    ],
)
def test_an_unusable_splits_file_is_told(tmp_path, text, why):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(UserError, match=why):
        read_splits(tmp_path / "s.json")


@pytest.mark.parametrize("shares", [(0.8, 0.1), (0.8, 0.1, 0.2), (1.1, -0.1, 0.0)])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(UserError, match="add up to 1"):
        split_of("a", shares)


def test_an_unknown_split_is_told_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'validation'"):
        select_split(make_source(), "valid", SHARES)


def test_few_shot_subsets_are_nested_and_seeded():
    indices = np.arange(5000) * 2
    subsets = [set(few_shot(indices, n, seed=1).tolist()) for n in (10, 100, 1000, 2500)]
    assert [len(s) for s in subsets] == [10, 100, 1000, 2500]
    assert subsets[0] < subsets[1] < subsets[2] < subsets[3] < set(indices.tolist())
    assert subsets[0] != set(few_shot(indices, 10, seed=2).tolist())


def test_data_that_are_one_published_split_are_divided_by_the_fractions():
    source = make_source(official_splits=["train"] * 180)
    assert split_elements(source, SHARES) == split_elements(make_source(), SHARES)


def test_pseudonym_gives_the_split_of_the_patient_and_not_the_name(tmp_path):
    names = [f"Doe^Jane^{i}" for i in range(200)]
    hidden = [pseudonym(name) for name in names]
    assert [split_of(h, SHARES) for h in hidden] == [split_of(n, SHARES) for n in names]
    assert [pseudonym(h) for h in hidden] == hidden and len(set(hidden)) == 200
    assert not any("Doe" in h or "Jane" in h for h in hidden)
    lists = {"train": names[:100], "test": names[100:], "validation": []}
    (tmp_path / "split.json").write_text(json.dumps(lists))
    source = Source([f"{i}.h5" for i in range(200)], subjects=hidden)
    found = split_elements(source, SHARES, str(tmp_path / "split.json"))
    assert found == ["train"] * 100 + ["test"] * 100
