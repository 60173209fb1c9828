import json
import os

import pytest

from mript_jax.data.readers.index import cached_index, index_file
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError


class Inspect:
    def __init__(self):
        self.seen = []

    def __call__(self, path):
        self.seen.append(path.name)
        if "bad" in path.name:
            raise BrokenRecord(str(path), "is bad")
        return {"letters": len(path.read_text())}


@pytest.fixture
def folder(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_second_look_reads_no_file(folder):
    first, second = Inspect(), Inspect()
    index = cached_index(folder, ["a.txt", "b.txt"], first, "test")
    assert cached_index(folder, ["a.txt", "b.txt"], second, "test") == index
    assert (first.seen, second.seen) == (["a.txt", "b.txt"], [])


def test_index_reads_only_changed_files_again(folder):
    cached_index(folder, ["a.txt", "b.txt"], Inspect(), "test")
    (folder / "b.txt").write_text("longer than before")
    again = Inspect()
    index = cached_index(folder, ["a.txt", "b.txt"], again, "test")
    assert again.seen == ["b.txt"]
    assert index["b.txt"]["letters"] == len("longer than before")


def test_a_file_of_the_same_size_with_another_time_is_read_again(folder):
    cached_index(folder, ["a.txt", "b.txt"], Inspect(), "test")
    os.utime(folder / "a.txt", (1, 1))
    again = Inspect()
    cached_index(folder, ["a.txt", "b.txt"], again, "test")
    assert again.seen == ["a.txt"]


def test_each_kind_has_an_index_of_its_own_in_json(folder):
    cached_index(folder, ["a.txt", "b.txt"], Inspect(), "test")
    assert set(json.loads(index_file(folder, "test").read_text())) == {"a.txt", "b.txt"}
    other = Inspect()
    cached_index(folder, ["a.txt", "b.txt"], other, "other")
    assert other.seen == ["a.txt", "b.txt"]


def test_a_damaged_index_is_made_anew(folder):
    for text in ('{"a.txt": {"sta', '{"a.txt": 3}', '{"a.txt": {"stamp": 3}}', "[]"):
        index_file(folder, "test").parent.mkdir(parents=True, exist_ok=True)
        index_file(folder, "test").write_text(text)
        assert cached_index(folder, ["a.txt", "b.txt"], Inspect(), "test")["a.txt"] == {
            "letters": 5
        }


def test_folder_of_the_data_stays_as_it_is(folder):
    cached_index(folder, ["a.txt", "b.txt"], Inspect(), "test")
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt"]


def test_links_to_a_folder_share_its_index(folder, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(folder)
    assert index_file(link, "test") == index_file(folder, "test")
    assert index_file(folder / "inside", "test") != index_file(folder, "test")


def test_a_cache_that_cannot_be_written_is_no_obstacle(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    assert cached_index(folder, ["a.txt", "b.txt"], Inspect(), "test")["a.txt"] == {"letters": 5}


def test_a_broken_file_is_noted_and_the_others_serve(folder):
    (folder / "bad.txt").write_text("")
    index = cached_index(folder, ["a.txt", "bad.txt"], Inspect(), "test")
    assert index["bad.txt"] == {"broken": "is bad"}


def test_dataset_of_broken_files_alone_is_refused_by_name(folder):
    (folder / "bad.txt").write_text("")
    with pytest.raises(UserError, match=r"bad\.txt: is bad"):
        cached_index(folder, ["bad.txt"], Inspect(), "test")
