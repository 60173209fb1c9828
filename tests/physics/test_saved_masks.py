import dataclasses

import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.physics.masks import PATTERNS, draw_mask, load_mask, save_mask


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
