"""Training data is not evaluated."""

import pytest

from mript_jax.config import base_config
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.errors import UserError
from mript_jax.evaluation.unseen import check_unseen, split_to_evaluate


def data(**changes):
    config = base_config().data
    config.options.phantom = {"count": 40, "size": 32, "seed": 1}
    config.update(changes)
    return config


def test_the_test_split_of_the_training_data_is_unseen():
    assert "none of the" in check_unseen(data(), data(), "test")


def test_the_training_split_is_refused_with_a_volume_named():
    with pytest.raises(UserError, match=r"were trained on \(phantom-1-"):
        check_unseen(data(), data(), "train")


def test_other_shares_of_the_same_data_are_refused():
    with pytest.raises(UserError, match="were trained on"):
        check_unseen(data(), data(split_fractions=(0.1, 0.1, 0.8)), "test")


def test_training_data_that_is_not_here_is_told():
    trained = data(source="images", path="/nowhere")
    assert "not checked" in check_unseen(trained, data(), "test")


def test_mixed_in_training_data_is_refused_too(tmp_path):
    for index in range(12):
        write_fastmri_h5(tmp_path / f"scan_{index}.h5", 9, index, slices=1, size=32)
    other = data(source="fastmri", path=str(tmp_path), split_fractions=(0.5, 0.0, 0.5))
    trained = data(mixture=(("fastmri", str(tmp_path), 1.0),), split_fractions=(0.5, 0.0, 0.5))
    with pytest.raises(UserError, match="were trained on"):
        check_unseen(trained, other, "train")
    assert "none of the" in check_unseen(trained, other, "test")


def held_out(folder, count=6):
    folder.mkdir()
    for index in range(count):
        write_fastmri_h5(folder / f"scan_{index}.h5", 9, index, slices=1, size=32)
    return data(source="fastmri", path=str(folder), split_fractions=(0.5, 0.0, 0.5))


def test_folder_that_was_held_out_as_a_whole_is_evaluated_as_a_whole(tmp_path):
    validation = held_out(tmp_path / "knee_singlecoil_val")
    assert split_to_evaluate([data()], validation, "test") == "all"
    validation.splits_file = "given.json"
    assert split_to_evaluate([data()], validation, "test") == "test"


def test_held_out_folder_that_was_trained_on_keeps_its_fractions(tmp_path):
    validation = held_out(tmp_path / "knee_singlecoil_val", count=12)
    assert split_to_evaluate([data(), validation], validation, "test") == "test"


def test_folder_of_no_official_name_keeps_its_fractions(tmp_path):
    assert (
        split_to_evaluate([data()], held_out(tmp_path / "knee_singlecoil_train"), "test") == "test"
    )
    assert split_to_evaluate([data()], held_out(tmp_path / "scans"), "test") == "test"
