"""Paths in what is published name no folder of the machine."""

import pytest

from mript_jax.evaluation.paths import without_folders


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/home/someone/runs/tiny/checkpoints/70", "…/tiny/checkpoints/70"),
        ("/home/some one/my runs/tiny/checkpoints/70", "…/tiny/checkpoints/70"),
        ("fastmri:/home/some one/knee with noise 0.01", "fastmri:…/knee with noise 0.01"),
        ("no /home/someone/x/y and no /data/other/z", "no …/x/y and no …/z"),
        ("fastmri:data/knee", "fastmri:data/knee"),
        ("1 / 2, and/or https://example.org/a/b", "1 / 2, and/or https://example.org/a/b"),
        ("…/tiny/checkpoints/70", "…/tiny/checkpoints/70"),
    ],
)
def test_absolute_paths_keep_their_last_parts(text, told):
    assert without_folders(text) == told
    assert without_folders({"a": [text, 1], "b": (None,)}) == {"a": [told, 1], "b": (None,)}
