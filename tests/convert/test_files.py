"""Weight files: written tensors are read back, and code in files is never run."""

import pickle

import numpy as np
import pytest

from mript_jax.convert.files import read_state_dict, write_state_dict
from mript_jax.errors import UserError

STATE_DICT = {
    "head.0.0.weight": np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3),
    "bias": np.ones(2, np.float32),
}


def same(a, b):
    return set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])
def test_written_tensors_are_read_back(tmp_path, suffix):
    if suffix == ".pt":
        pytest.importorskip("torch")
    write_state_dict(tmp_path / f"model{suffix}", STATE_DICT)
    assert same(read_state_dict(tmp_path / f"model{suffix}"), STATE_DICT)


def test_bare_state_dict_in_half_precision_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    tensors = {name: torch.tensor(value).bfloat16() for name, value in STATE_DICT.items()}
    torch.save(tensors, tmp_path / "model.pth")
    assert same(read_state_dict(tmp_path / "model.pth"), STATE_DICT)


class Trap:
    def __reduce__(self):
        return print, ("this must not run",)


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_file_with_code_is_a_user_error_and_not_run(tmp_path, capsys, suffix):
    path = tmp_path / f"model{suffix}"
    if suffix == ".pt":
        pytest.importorskip("torch").save({"model_state_dict": Trap()}, path)
    else:
        np.savez(path, weight=np.array([Trap()], dtype=object))
    with pytest.raises(UserError, match=r"as weights alone|not an"):
        read_state_dict(path)
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_damaged_file_is_a_user_error(tmp_path, suffix):
    (tmp_path / f"model{suffix}").write_bytes(pickle.dumps([1, 2]) * 10)
    with pytest.raises(UserError, match="is not"):
        read_state_dict(tmp_path / f"model{suffix}")


def test_unknown_kind_of_file_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=r"\.bin"):
        read_state_dict(tmp_path / "model.bin")
