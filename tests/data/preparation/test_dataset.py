import json

import numpy as np
import pytest
from PIL import Image

from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.preparation import dataset, shards
from mript_jax.data.preparation.preview import contact_sheet
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError

SHARES = (0.5, 0.25, 0.25)


def make(output, source="phantom", path="", workers=1, max_broken=0, **options):
    if source == "phantom":
        options = {"count": 20, "size": 32} | options
    output.mkdir(exist_ok=True)
    jobs = shards.plan(source, str(path), options, output, 6)
    shards.write_shards(jobs, workers, max_broken)
    return dataset.write_index(output, jobs, SHARES)


def pairs(source, original):
    assert len(source) == len(original)
    return ((source[i], original[i]) for i in range(len(source)))


def pictures(folder, count=10):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(count):
        Image.fromarray(rng.integers(0, 256, (12, 16), np.uint8)).save(folder / f"{i:02d}.png")
    return folder


def test_every_slice_comes_back(tmp_path):
    index = make(tmp_path / "out")
    source = open_source("arrayrecord", str(tmp_path / "out"))
    original = open_source("phantom", count=20, size=32)
    assert len(source) == index["records"] == 20
    assert list(source.groups) == original.groups
    for ours, theirs in pairs(source, original):
        np.testing.assert_allclose(ours.image, theirs.image, rtol=2.0**-11)
        assert (ours.volume, ours.attributes) == (theirs.volume, theirs.attributes)


def test_pictures_keep_their_eight_bits(tmp_path):
    folder = pictures(tmp_path / "in")
    make(tmp_path / "out", "images", folder)
    source, original = (
        open_source("arrayrecord", str(tmp_path / "out")),
        open_source("images", str(folder)),
    )
    for ours, theirs in pairs(source, original):
        np.testing.assert_array_equal(ours.image, theirs.image)


def test_kspace_patients_and_official_splits_survive(tmp_path):
    for i, split in enumerate(("train", "val")):
        folder = tmp_path / "in" / f"multicoil_{split}"
        folder.mkdir(parents=True)
        write_fastmri_h5(folder / f"file{i}.h5", 0, i, slices=3, size=16, coils=2)
    index = make(tmp_path / "out", "fastmri", tmp_path / "in")
    source = open_source("arrayrecord", str(tmp_path / "out"))
    original = open_source("fastmri", str(tmp_path / "in"))
    assert list(source.groups) == list(original.groups)
    assert list(source.subjects) == list(original.subjects)
    assert list(source.official_splits) == ["train"] * 3 + ["validation"] * 3
    assert index["splits"]["records"] == {"train": 3, "validation": 3, "test": 0}
    for ours, theirs in pairs(source, original):
        np.testing.assert_array_equal(ours.kspace, theirs.kspace)
        assert (ours.maximum, ours.slice_index) == (theirs.maximum, theirs.slice_index)


def test_several_processes_write_the_same_bytes(tmp_path):
    one, two = make(tmp_path / "one"), make(tmp_path / "two", workers=2)
    assert [s["sha256"] for s in one["shards"]] == [s["sha256"] for s in two["shards"]]


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    jobs = shards.plan("phantom", "", {"count": 20, "size": 32}, output, 6)
    read = []

    def stop_early(count):
        read.append(count)
        if len(read) == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shards.write_shards(jobs, 1, 0, stop_early)
    assert shards.read_notes(jobs[0]) and not shards.read_notes(jobs[1])
    first = output / "data-00000-of-00004.arrayrecord"
    written = first.stat().st_mtime_ns
    resumed = make(output)
    assert first.stat().st_mtime_ns == written
    assert resumed["shards"] == make(tmp_path / "whole")["shards"]


def test_jobs_of_a_cluster_share_the_shards(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    jobs = shards.plan("phantom", "", {"count": 20, "size": 32}, output, 6)
    shards.write_shards(jobs[0::2], 1, 0)
    with pytest.raises(UserError, match="still missing"):
        dataset.write_index(output, jobs, SHARES)
    shards.write_shards(jobs[1::2], 1, 0)
    assert dataset.write_index(output, jobs, SHARES)["shards"] == make(tmp_path / "one")["shards"]


@pytest.mark.parametrize("changes", [{"seed": 3}, {"size": 48}, {"count": 40}])
def test_output_folder_of_another_dataset_is_refused(tmp_path, changes):
    make(tmp_path / "out")
    with pytest.raises(UserError, match="other data or of other options"):
        make(tmp_path / "out", **changes)


def test_blank_and_duplicate_slices_are_left_out_and_reported(tmp_path):
    folder = pictures(tmp_path / "in")
    (folder / "07.png").write_bytes((folder / "02.png").read_bytes())
    Image.fromarray(np.full((9, 9), 5, np.uint8)).save(folder / "blank.png")
    (folder / "bad.png").write_bytes(b"no picture")
    make(tmp_path / "out", "images", folder, max_broken=1)
    report = json.loads((tmp_path / "out" / "hygiene.json").read_text())
    assert (report["seen"], report["kept"]) == (12, 9)
    assert report["left_out"] == {"duplicate": 1, "blank": 1, "broken": 1}
    assert report["duplicates"] == [{"record": "07.png slice 0", "of": "02.png slice 0"}]
    assert "blank.png" in report["blank"][0] and "bad.png" in report["broken"][0]
    names = list(open_source("arrayrecord", str(tmp_path / "out")).groups)
    assert names == [f"{i:02d}.png" for i in (0, 1, 2, 3, 4, 5, 6, 8, 9)]
    assert dataset.verify(tmp_path / "out") == 9


@pytest.mark.parametrize("workers", [1, 2])
def test_too_many_broken_files_stop_it_with_the_list(tmp_path, workers):
    folder = pictures(tmp_path / "in", 20)
    for i in (3, 8):
        (folder / f"{i:02d}.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"more than max_broken=1: .*03\.png.*; .*08\.png"):
        make(tmp_path / "out", "images", folder, workers=workers, max_broken=1)


def test_the_written_splits_give_the_same_split_again(tmp_path):
    from mript_jax.data.splits import split_elements

    index = make(tmp_path / "out")
    source = open_source("phantom", count=20, size=32)
    by_file = split_elements(source, (1, 0, 0), str(tmp_path / "out" / "splits.json"))
    assert by_file == split_elements(source, SHARES)
    assert index["splits"]["records"] == {
        s: by_file.count(s) for s in ("train", "validation", "test")
    }


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 255
    path.write_bytes(data)


def test_damage_is_found(tmp_path):
    make(tmp_path / "out")
    shard = tmp_path / "out" / "data-00001-of-00004.arrayrecord"
    flip(shard, 5000)
    with pytest.raises(UserError, match=r"data-00001-of-00004.* is damaged"):
        dataset.verify(tmp_path / "out")
    shard.unlink()
    with pytest.raises(UserError, match="is missing"):
        dataset.verify(tmp_path / "out")


def test_a_contact_sheet_shows_slices(tmp_path):
    make(tmp_path / "out")
    sheet = np.asarray(contact_sheet(open_source("arrayrecord", str(tmp_path / "out")), 2, 3, 40))
    assert sheet.shape == (80, 120)
    assert all(sheet[r : r + 40, c : c + 40].max() > 200 for r in (0, 40) for c in (0, 40, 80))
