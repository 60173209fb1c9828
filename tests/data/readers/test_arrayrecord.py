import json
import pickle
import shutil

import numpy as np
import pytest

from mript_jax.data.preparation import dataset, shards
from mript_jax.data.readers import open_source
from mript_jax.data.readers.arrayrecord import ArrayRecordSource
from mript_jax.data.readers.dataset_index import sealed
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    jobs = shards.plan("phantom", "", {"count": 9, "size": 32}, folder, 4)
    shards.write_shards(jobs, 1, 0)
    dataset.write_index(folder, jobs, (1, 0, 0))
    return folder


@pytest.fixture
def folder(written, tmp_path):
    """A copy, to be damaged."""
    return shutil.copytree(written, tmp_path, dirs_exist_ok=True)


def test_a_source_can_be_sent_to_a_worker(folder):
    source = ArrayRecordSource(str(folder))
    source[0]
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy[7].image, source[7].image)


def test_dropped_records_leave_no_gap(folder):
    index = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(
        json.dumps(sealed(index | {"dropped": [0, 5], "records": 7}))
    )
    source, original = ArrayRecordSource(str(folder)), open_source("phantom", count=9, size=32)
    kept = [i for i in range(9) if i not in (0, 5)]
    assert [record.volume for record in source] == [original.groups[i] for i in kept]
    assert list(source.groups) == [original.groups[i] for i in kept]


def test_a_damaged_shard_costs_its_own_records_alone(folder):
    files = sorted(folder.glob("*.arrayrecord"))
    files[1].write_bytes(files[1].read_bytes()[:70000])
    source = ArrayRecordSource(str(folder))
    good = 0
    for i in range(len(source)):
        try:
            source[i]
            good += 1
        except BrokenRecord as error:
            assert files[1].name in error.path
    assert 6 <= good < 9


def test_an_empty_shard_is_a_broken_record(folder):
    files = sorted(folder.glob("*.arrayrecord"))
    files[0].write_bytes(b"")
    with pytest.raises(BrokenRecord, match=files[0].name):
        ArrayRecordSource(str(folder))[0]


DAMAGE = {  # to dataset.json
    "shards": [3, [], [{"file": "../a", "records": 9, "sha256": "0" * 64}], [{"file": "a"}]],
    "volumes": [None, [1], ["a", "a"], ["\ud800"]],
    "volume_of_record": [[], [0] * 8, [99] * 9, [-1] * 9, ["0"] * 9, [True] * 9],
    "dropped": [[9], [1, 1], [-1], None, {}],
    "records": [8, -1, None],
    "subject_of_volume": [[], ["a"] * 99, 3],
    "official_split_of_volume": [["training"] * 99],
}


@pytest.mark.parametrize("seal", [False, True])
@pytest.mark.parametrize(("key", "value"), [(k, v) for k in DAMAGE for v in DAMAGE[k]])
def test_index_that_cannot_be_is_refused(folder, key, value, seal):
    index = json.loads((folder / "dataset.json").read_text()) | {key: value}
    del index["checksum"]
    (folder / "dataset.json").write_text(json.dumps(sealed(index) if seal else index))
    with pytest.raises(UserError, match=r"dataset\.json is damaged"):
        ArrayRecordSource(str(folder))


@pytest.mark.parametrize("text", ["[" * 100_000, "[NaN]", "[]", "3", "", "\xff"])
def test_index_of_another_kind_is_refused(folder, text):
    (folder / "dataset.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"dataset\.json is damaged"):
        ArrayRecordSource(str(folder))


def test_index_that_was_changed_by_hand_is_refused(folder):
    text = (folder / "dataset.json").read_text()
    (folder / "dataset.json").write_text(text.replace("phantom", "phantas", 1))
    with pytest.raises(UserError, match="its checksum does not fit"):
        ArrayRecordSource(str(folder))


def test_index_of_an_older_version_has_no_checksum(folder):
    index = json.loads((folder / "dataset.json").read_text())
    del index["checksum"]
    (folder / "dataset.json").write_text(json.dumps(index))
    assert len(ArrayRecordSource(str(folder))) == 9


def test_shards_that_changed_places_are_told(folder):
    first, second, *_ = sorted(folder.glob("*.arrayrecord"))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    source = ArrayRecordSource(str(folder))
    with pytest.raises(BrokenRecord, match=rf"{first.name} record 0: .*(not of|instead of)"):
        source[0]


@pytest.mark.parametrize("what", ["folder", "index", "json", "shard"])
def test_missing_dataset_is_named(folder, what):
    path, named = folder, "dataset.json"
    if what == "folder":
        path, named = folder / "nowhere", "nowhere"
    elif what == "index":
        (folder / "dataset.json").unlink()
    elif what == "json":
        (folder / "dataset.json").write_text("{")
    else:
        shard = sorted(folder.glob("*.arrayrecord"))[0]
        shard.unlink()
        named = shard.name
    with pytest.raises(UserError, match=named):
        ArrayRecordSource(str(path))
