"""A model in one file, and the models that come with the package."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mript_jax
from mript_jax.checkpoint import (
    find_checkpoint,
    load_checkpoint_config,
    load_params,
    save_params,
)
from mript_jax.commands import models
from mript_jax.config import load_config_file
from mript_jax.data.phantom.slices import make_slice
from mript_jax.errors import UserError
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.pretrained import PRETRAINED, pretrained_models
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


@pytest.fixture
def entry(file):
    """The fields of the file in a registry."""
    content = file.read_bytes()
    return {
        "file": file.name,
        "about": "knees of one hospital",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "CC-BY-4.0",
        "card": "https://hospital.example/knee",
    }


@pytest.fixture
def registry(file, monkeypatch):
    """Writes the JSON file of further models."""

    def write(entries):
        path = file.with_name("models.json")
        path.write_text(json.dumps(entries))
        monkeypatch.setenv("MRIPT_MODELS", str(path))

    return write


def test_model_of_a_registry_is_found_by_name_and_refused_when_damaged(file, entry, registry):
    registry({"knee": entry})
    np.testing.assert_array_equal(load_params("knee")["bias"], 1)
    assert set(pretrained_models()) == {*PRETRAINED, "knee"}
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match=r"model.safetensors is damaged or another version"):
        load_params("knee")
    file.unlink()
    with pytest.raises(UserError, match=r"model.safetensors cannot be read: No such file"):
        load_params("knee")


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], "must hold an object"),
        ({"knee": {"file": "a"}}, "'knee' must have the texts file, about, sha256, licence"),
        ({"small": {}}, "'small' is a model of the package; rename yours"),
    ],
)
def test_registry_that_cannot_be_is_refused_in_one_line(registry, entries, told):
    registry(entries)
    with pytest.raises(UserError, match=f"MRIPT_MODELS=.*models.json.*{told}"):
        load_params("knee")


def test_list_of_models_has_size_hash_licence_and_card(entry, registry, capsys):
    registry({"knee": entry | {"size": 3 * 2**20}})
    models.main()
    told = capsys.readouterr().out
    assert f"3.0 MiB, sha256 {entry['sha256'][:12]}, CC-BY-4.0\n    {entry['card']}\n" in told
    assert "generated data only: it carries nobody's anatomy" in told  # small
    for model in PRETRAINED.values():
        assert f"sha256 {model.sha256[:12]}, Apache-2.0\n    {model.card}\n" in told


@pytest.mark.parametrize("name", list(PRETRAINED))
def test_shipped_weights_are_those_of_the_registry(name):
    assert load_params(name) and load_checkpoint_config(name).model.name
    model = PRETRAINED[name]
    assert model.checked_file().stat().st_size == model.size
    assert name in Path(model.card).read_text().splitlines()[0]


def edges(images):
    """The first and last rows, then columns, of images [S, N, N]: [4, S, N]."""
    return np.stack([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]])


@pytest.mark.parametrize("name", list(PRETRAINED))
def test_shipped_weights_draw_no_line_at_the_edges_of_an_image(name):
    heads = np.stack([make_slice(4, i, (128, 128), ("head",)).image for i in range(2)])
    mask = sample_mask("cartesian_random", (128, 128), 4.0, 0.08, 0)
    estimates = mript_jax.load(name)((fft2c(heads) * mask).astype(np.complex64), mask)
    assert not edges(heads).any()
    found = edges(estimates)
    assert found.mean(axis=-1).max() < 0.01  # of the maximum
    # Along the rows lies the phase encoding, whose aliasing reaches single pixels of the columns.
    assert found[:2].max() < 0.01


def test_folder_of_the_same_name_hides_no_model_unless_it_holds_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small" / "checkpoints").mkdir(parents=True)  # such as scans, or a run's beginning
    assert find_checkpoint("small") == Path(PRETRAINED["small"].file)
    with pytest.raises(UserError, match=r"no checkpoint in .*small: expected checkpoints"):
        find_checkpoint("./small")
    save_params("small", PARAMS, load_config_file("unrolled"))
    assert find_checkpoint("small") == tmp_path / "small" / "checkpoints" / "0"


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
