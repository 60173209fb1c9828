"""Config files by name."""

from pathlib import Path

import pytest

from mript_jax.config import load_config_file
from mript_jax.config.files import flatten_config
from mript_jax.config.shipped import FOLDER, config_names, config_path
from mript_jax.errors import UserError


def test_names_are_those_of_the_folder_at_the_top():
    folder = Path(__file__).parents[2] / "configs"
    assert folder == FOLDER
    assert {"mript_tiny", "studies/few_shot"} <= set(config_names())
    assert len(config_names()) == len(list(folder.rglob("*.py")))


@pytest.mark.parametrize("name", ["mript_tiny", "mript_tiny.py", "configs/mript_tiny.py"])
def test_shipped_config_is_found_from_anywhere(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    assert config_path(name) == FOLDER / "mript_tiny.py"


def test_study_is_found_below_its_folder():
    assert config_path("studies/few_shot") == FOLDER / "studies" / "few_shot.py"


def test_file_at_the_path_comes_before_a_shipped_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unet.py").touch()
    assert config_path("unet.py") == Path("unet.py")
    assert config_path("unet") == FOLDER / "unet.py"


@pytest.mark.parametrize("name", ["mript_tny", "elsewhere/configs/mript_tiny.py", "../mript_tiny"])
def test_unknown_name_is_told_with_the_nearest(name):
    with pytest.raises(UserError, match=f"{name}.*mript_tiny"):
        config_path(name)


@pytest.mark.parametrize("preset", ["24gb", ""])
def test_preset_of_a_config_without_any_is_refused(preset):
    with pytest.raises(
        UserError, match=f"^the config unrolled has no presets; leave out ':{preset}'$"
    ):
        load_config_file("unrolled", preset)


@pytest.mark.parametrize("name", config_names())
def test_slices_are_divided_by_the_maximum_that_reconstruction_has(name):
    fields = flatten_config(load_config_file(name))
    stated = {field: value for field, value in fields.items() if field.endswith("normalize_by")}
    assert stated
    assert set(stated.values()) == {"zero_filled"}, stated
