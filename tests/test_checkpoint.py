import numpy as np
import pytest
from ml_collections import ConfigDict

from mript_jax.checkpoint import find_checkpoint, load_checkpoint_config, load_params, save_params
from mript_jax.errors import UserError


@pytest.fixture
def saved(tmp_path):
    params = {"head": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}}
    config = ConfigDict({"model": {"name": "mript", "global_blocks": (1, 3)}, "data": {}})
    save_params(tmp_path / "run", params, config)
    return tmp_path / "run", params


def test_parameters_come_back_as_numpy(saved):
    path, params = saved
    loaded = load_params(path)
    assert isinstance(loaded["head"]["kernel"], np.ndarray)
    np.testing.assert_array_equal(loaded["head"]["kernel"], params["head"]["kernel"])


def test_the_config_travels_with_tuples(saved):
    assert load_checkpoint_config(saved[0]).model.global_blocks == (1, 3)


def test_a_run_and_a_step_in_it_are_both_checkpoints(saved):
    step = find_checkpoint(saved[0])
    assert step.name == "0"
    assert find_checkpoint(step) == step
    assert find_checkpoint(step.parent) == step


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_a_checkpoint_is_refused_by_name(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=name):
        find_checkpoint(tmp_path / name)
