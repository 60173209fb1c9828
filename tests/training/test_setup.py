"""Setup of a run: batches have the fields that model and loss declare, and no others."""

import jax
import pytest

from mript_jax.config import load_config_file
from mript_jax.data.pipeline import build_pipeline
from mript_jax.errors import UserError
from mript_jax.models import MODELS, build_model
from mript_jax.models.base import ReconstructionModel
from mript_jax.training.setup import set_up


def make_config(name="unet", **changes):
    config = load_config_file(name).unlock()
    config.global_batch_size = 8
    config.data.image_size = 16
    config.data.options.phantom.update({"count": 24, "size": 16})
    config.update_from_flattened_dict(changes)
    return config


@pytest.mark.parametrize(
    ("name", "changes", "fields"),
    [
        ("unet", {"model.iterations": 0}, set()),
        ("unet", {"model.iterations": 1}, {"kspace"}),
        ("simmim", {"loss": "l1"}, {"kspace"}),
        ("simmim", {"loss": "masked_l1"}, {"kspace", "full_kspace"}),
    ],
)
def test_pipeline_makes_the_fields_that_model_and_loss_declare(name, changes, fields):
    config = make_config(name, **changes)
    setup = set_up(config)
    assert set(setup.batch_fields) == fields
    batch = next(build_pipeline(config.data, "train", 0, 8, fields=setup.batch_fields))
    assert {name: (value.shape, value.dtype) for name, value in batch.items()} == {
        name: (value.shape, value.dtype) for name, value in setup.abstract_batch.items()
    }


class Undeclared(ReconstructionModel):
    dtype: str = "float32"

    def predict(self, batch, train=False):
        return batch["zero_filled"] + abs(batch["kspace"][:, 0, ..., None])


def test_undeclared_field_is_an_error_before_training(monkeypatch):
    monkeypatch.setitem(MODELS, "undeclared", Undeclared)
    config = make_config()
    config.model = {"name": "undeclared", "dtype": "float32"}
    with pytest.raises((KeyError, UserError), match="kspace"):
        set_up(config)


def changed_by_a_step(config):
    """Which parameters one step changes, by name."""
    config.optimizer.warmup_steps = 0
    setup = set_up(config)
    state = setup.create(setup.init())
    batch = next(build_pipeline(config.data, "train", 0, 8, fields=setup.batch_fields))
    before = jax.device_get(state.params)
    after = jax.device_get(setup.step(state, batch, 1e-3)[0].params)
    changed = jax.tree.map(lambda old, new: bool((old != new).any()), before, after)
    return {
        jax.tree_util.keystr(path): value
        for path, value in jax.tree_util.tree_leaves_with_path(changed)
    }


def test_runs_of_any_length_and_rate_share_a_compiled_step(quick_config):
    changes = {"total_steps": 7, "optimizer.learning_rate": 2e-4, "optimizer.schedule": "cosine"}
    one, another = set_up(quick_config()), set_up(quick_config(**changes))
    text, of_another = (
        setup.step.lower(*setup.step_arguments).as_text() for setup in (one, another)
    )
    assert text == of_another


def test_update_is_proportional_to_the_learning_rate(quick_config):
    config = quick_config()
    setup = set_up(config)
    batch = next(build_pipeline(config.data, "train", 0, 8, fields=setup.batch_fields))
    start = jax.device_get(setup.init())
    updates = [
        setup.step(setup.create(start), batch, rate)[0].params["gain"] - start["gain"]
        for rate in (0.0, 1e-2, 2e-2)
    ]
    assert updates[0] == 0 != updates[1]
    assert float(updates[2]) == pytest.approx(2 * float(updates[1]), rel=1e-3)


def test_non_trainable_parameters_do_not_change(quick_config):
    assert changed_by_a_step(quick_config()) == {"['gain']": True, "['shift']": False}


@pytest.mark.slow
def test_matrix_of_the_grid_encoding_is_not_trained():
    config = make_config("mript_tiny")
    config.model.update({"width": 48, "depth": 2, "global_blocks": (1,), "features": 2})
    assert build_model(config.model).non_trainable == ("grid_encoding/gaussian",)
    by_name = changed_by_a_step(config)
    assert not any(value for name, value in by_name.items() if "gaussian" in name)
    assert any("gaussian" in name for name in by_name)
    assert any(by_name.values())


@pytest.mark.parametrize("name", ["model.dtype", "model.network.dtype"])
def test_float16_is_refused_for_training_but_builds_a_model(name):
    config = make_config("unrolled", **{name: "float16"})
    build_model(config.model)
    with pytest.raises(UserError, match=f"{name}='float16'.*bfloat16"):
        set_up(config)
