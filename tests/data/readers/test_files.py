import gc
import os
import pickle
import threading
import weakref

import pytest

from mript_jax.data.readers import open_source
from mript_jax.data.readers.files import OpenFiles, find_files, refuse_escape, remember
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.h5", "b/1.H5", "a/3.h5", "a/note.txt", ".hidden/4.h5", "a/._5.h5"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "data"


def test_files_are_found_by_suffix_at_any_depth_in_order(folder):
    assert find_files(folder, [".h5"]) == (folder, ["a/3.h5", "b/1.H5", "b/2.h5"])


def test_dataset_may_be_one_file(folder):
    assert find_files(folder / "a" / "note.txt", [".h5"]) == (folder / "a", ["note.txt"])


def test_wildcards_match_files_and_folders(folder):
    assert find_files(f"{folder}/[ab]", [".h5"])[1] == ["a/3.h5", "b/1.H5", "b/2.h5"]
    assert find_files(f"{folder}/b/*.h5", [".h5"])[1] == ["2.h5"]


@pytest.mark.parametrize(("name", "why"), [("nowhere", "does not exist"), ("empty", "no .h5 file")])
def test_path_without_readable_files_is_named(folder, name, why):
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match=why) as caught:
        find_files(folder / name, [".h5"])
    assert name in str(caught.value)


def test_a_link_that_leads_out_is_refused_and_one_inside_is_not(folder, tmp_path):
    (tmp_path / "secret.h5").write_text("")
    os.symlink(tmp_path / "secret.h5", folder / "out.h5")
    os.symlink(folder / "a" / "3.h5", folder / "in.h5")
    refuse_escape(folder, folder / "in.h5")
    refuse_escape(folder, folder / "a" / "3.h5")
    with pytest.raises(BrokenRecord, match="leads out"):
        refuse_escape(folder, folder / "out.h5")


def test_a_link_to_a_folder_is_not_skipped_in_silence(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", folder / "linked")
    with pytest.raises(UserError, match="link to a folder"):
        find_files(folder, [".h5"])


class Handle:
    opened, closed = [], []

    def __init__(self, path):
        self.path = path
        Handle.opened.append(path)

    def close(self):
        Handle.closed.append(self.path)


def test_few_files_stay_open_and_the_oldest_is_closed():
    Handle.opened, Handle.closed = [], []
    files = OpenFiles(Handle, 2)
    for path in "abaca":
        files(path)
    assert Handle.opened == ["a", "b", "c"]
    assert Handle.closed == ["b"]


def test_threads_share_no_handle():
    files, seen = OpenFiles(Handle, 2), []
    threads = [threading.Thread(target=lambda: seen.append(files("a"))) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert seen[0] is not seen[1]


def test_handles_are_not_pickled():
    files = OpenFiles(Handle, 2)
    first = files("a")
    assert pickle.loads(pickle.dumps(files))("a") is not first


def test_sources_are_opened_by_name():
    assert len(open_source("phantom", count=3)) == 3
    with pytest.raises(UserError, match="did you mean 'fastmri'"):
        open_source("fast_mri", "x")
    with pytest.raises(UserError, match="needs a path"):
        open_source("fastmri")


def test_an_unknown_option_is_told_with_the_nearest_one():
    with pytest.raises(UserError, match="did you mean 'skip_ends'"):
        open_source("fastmri", "x", skip_end=5)


class Counting:
    def __init__(self):
        self.calls = []
        self.read = remember(self._read, 1)

    def _read(self, key):
        self.calls.append(key)
        return 2 * key


def test_remembered_results_do_not_keep_their_file_open():
    file = Counting()
    assert [file.read(key) for key in (1, 1, 2, 1)] == [2, 2, 4, 2] and file.calls == [1, 2, 1]
    file.read.cache_clear()
    assert file.read(1) == 2 and file.calls == [1, 2, 1, 1]
    there = weakref.ref(file)
    gc.disable()
    try:
        del file
        assert there() is None
    finally:
        gc.enable()
