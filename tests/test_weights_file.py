"""A model in one file, and the models that come with the package."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax import pretrained
from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.config import load_config_file
from mript_jax.errors import UserError
from mript_jax.pretrained import PRETRAINED, Pretrained
from mript_jax.weights_file import read_header, read_weights, write_weights

PARAMS = {"head": {"kernel": np.linspace(-2, 2, 24).reshape(2, 3, 4)}, "bias": np.ones(3)}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.safetensors"
    config = load_config_file("unrolled")
    write_weights(path, PARAMS, config.to_json_best_effort(), step=12)
    return path


def test_weights_come_back_in_half_precision(file):
    params = read_weights(file)
    np.testing.assert_allclose(params["head"]["kernel"], PARAMS["head"]["kernel"], rtol=5e-4)
    assert params["bias"].dtype == np.float32
    assert read_header(file)["step"] == 12


def test_file_is_a_checkpoint_wherever_one_is_asked_for(file):
    assert load_checkpoint_config(file) == load_config_file("unrolled")
    np.testing.assert_array_equal(load_params(file)["bias"], 1)


def test_model_of_the_package_is_found_by_name_and_refused_when_damaged(file, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", file.parent)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setitem(PRETRAINED, "model", Pretrained("a test", "docs", digest))
    np.testing.assert_array_equal(load_params("model")["bias"], 1)
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match=r"model.safetensors is damaged"):
        load_params("model")


@pytest.mark.parametrize("name", list(PRETRAINED))
def test_shipped_weights_are_those_of_the_registry(name):
    assert load_params(name) and load_checkpoint_config(name).model.name


def test_folder_of_the_same_name_comes_before_a_model_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRETRAINED, "mine", Pretrained("a test", "docs", ""))
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="expected checkpoints"):
        load_params("mine")


def test_weights_of_another_code_name_the_command_that_reads_them(tmp_path):
    from safetensors.numpy import save_file

    save_file({"w": np.ones(3)}, tmp_path / "theirs.safetensors")
    with pytest.raises(UserError, match="mript convert"):
        load_params(tmp_path / "theirs.safetensors")


@settings(max_examples=60)
@given(data=st.data())
def test_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    write_weights(path, {"w": np.ones(4)}, json.dumps({"model": {"name": "unet"}}), step=1)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        read_weights(path)
        read_header(path)
    except UserError as error:
        assert "damaged.safetensors" in str(error) and "\n" not in str(error)
