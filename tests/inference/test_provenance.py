"""The name of the weights that an output carries."""

import numpy as np
import pytest

from mript_jax.checkpoint import save_params
from mript_jax.commands.evaluate import named
from mript_jax.config import load_config_file
from mript_jax.inference.provenance import checkpoint_name, checkpoint_provenance


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Makes the folder `runs` the current one, with the best weights of fine-tunings in it."""
    monkeypatch.chdir(tmp_path)
    for run in ("ours", "theirs"):
        folder = tmp_path / run / "training" / "best"
        folder.parent.mkdir(parents=True)
        save_params(folder, {"w": np.ones(1, np.float32)}, load_config_file("unet"))
    return tmp_path


@pytest.mark.parametrize(
    "place", ["", "training", "training/best", "training/best/checkpoints/0", "training/best/"]
)
def test_weights_are_named_by_their_run(runs, monkeypatch, place):
    assert checkpoint_name(f"ours/{place}") == "ours"
    monkeypatch.chdir(runs / "ours" / place)
    assert checkpoint_name(".") == "ours"


def test_run_may_be_a_number(runs):
    (runs / "ours").rename("17")
    assert checkpoint_name("17/training/best/checkpoints/0") == "17"


def test_models_and_files_have_names_of_their_own(runs):
    (runs / "best.safetensors").touch()
    assert checkpoint_name("best.safetensors") == "best.safetensors"
    assert (checkpoint_name("small"), checkpoint_name("best")) == ("small", "best")


def test_outputs_and_evaluations_use_the_run_as_name(runs):
    best = [f"{run}/training/best" for run in ("ours", "theirs")]
    assert checkpoint_provenance(best[0], "unet").checkpoint == "ours"
    assert named(best) == {"unet": best[0], "theirs": best[1]}
