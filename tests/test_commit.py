"""The commit that outputs carry."""

import subprocess

import pytest

from mript_jax import commit


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository of one commit, in which the package is said to be."""
    monkeypatch.setattr(commit, "ROOT", tmp_path)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "file").write_text("one")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "First"]):
        subprocess.run([*git, *arguments], check=True)
    run = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return tmp_path, run.stdout.strip()


def test_commit_is_that_of_the_checkout_and_says_if_files_differ(checkout):
    folder, head = checkout
    assert commit.commit.__wrapped__() == head[:12]
    (folder / "file").write_text("two")
    assert commit.commit.__wrapped__() == head[:12] + "-dirty"


def test_installed_copy_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(commit, "ROOT", tmp_path)
    assert commit.commit.__wrapped__() == ""
