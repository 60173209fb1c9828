import dataclasses
import json
import zipfile

import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.physics.mask_files import load_mask, save_mask
from mript_jax.physics.masks import PATTERNS, draw_mask


@pytest.mark.parametrize("pattern", PATTERNS)
def test_saved_mask_is_loaded_with_its_record(tmp_path, pattern):
    mask = draw_mask(pattern, (48, 64), 4, 0.08, seed=(3, 7), axis=-2)
    save_mask(tmp_path / "mask.npz", mask)
    again = dataclasses.asdict(load_mask(tmp_path / "mask.npz"))
    stored = dataclasses.asdict(mask)
    np.testing.assert_array_equal(again.pop("array"), stored.pop("array"), strict=True)
    assert again | {"seed": tuple(again["seed"])} == stored


def test_file_of_another_kind_is_a_user_error(tmp_path):
    (tmp_path / "text.npz").write_text("no mask")
    np.savez(tmp_path / "other.npz", mask=np.ones(3))
    for name in ("text.npz", "other.npz", "missing.npz"):
        with pytest.raises(UserError, match=name):
            load_mask(tmp_path / name)


def change(path, array=None, **record):
    """Another array or other entries of the record, in a sound archive."""
    with np.load(path) as stored:
        about = json.loads(str(stored["about"])) | record
        array = stored["array"] if array is None else array
    np.savez(path, array=array, about=json.dumps(about))


@pytest.mark.parametrize(
    "changes",
    [
        {"array": np.full((4, 4), np.nan, np.float32)},
        {"array": np.zeros((4, 4), np.float32)},
        {"array": -np.ones((4, 4), np.float32)},
        {"array": np.ones((4, 4))},
        {"array": np.ones(4, np.float32)},
        {"array": np.ones((48, 64), np.float32)},  # of another acceleration than the record's
        {"true_acceleration": 3.0},
        {"center_lines": 1},
        {"offset": 40},
        {"pattern": "unknown"},
        {"acceleration": "4"},
        {"acceleration": float("nan")},
        {"seed": [-1]},
        {"axis": 3},
        {"more": 1},
    ],
    ids=str,
)
def test_mask_that_its_record_contradicts_is_refused(tmp_path, changes):
    path = tmp_path / "mask.npz"
    save_mask(path, draw_mask("cartesian_random", (48, 64), 4, 0.08, seed=3))
    change(path)
    load_mask(path)
    change(path, **changes)
    with pytest.raises(UserError, match=r"mask\.npz holds no mask"):
        load_mask(path)


def test_text_that_is_none_is_refused(tmp_path):
    path = tmp_path / "mask.npz"
    beyond = np.array([0x7FFFFFFF] * 4, "<u4").view("<U4")[0:1].reshape(())
    np.savez(path, array=np.ones((4, 4), np.float32), about=beyond)
    with pytest.raises(UserError, match=r"mask\.npz"):
        load_mask(path)


def test_header_that_is_no_python_is_refused(tmp_path):
    """NumPy takes it apart by Python's own tokens, whose error is no ValueError."""
    path = tmp_path / "mask.npz"
    save_mask(path, draw_mask("cartesian_random", (48, 64), 4, 0.08, seed=3))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["array.npy"] = members["array.npy"].replace(b"}", b" ", 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match=r"mask\.npz holds no mask"):
        load_mask(path)
