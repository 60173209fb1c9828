"""Every loss, optimizer and way to fine-tune trains, on networks that take seconds."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

from mript_jax.checkpoint import load_params
from mript_jax.config import load_config_file
from mript_jax.errors import UserError
from mript_jax.training.loop import train
from mript_jax.training.losses import LOSSES
from mript_jax.training.sharding import path_name

CONFIGS = Path(__file__).parents[2] / "configs"
DATA = {
    "data.image_size": 32,
    "data.options.phantom.count": 20,
    "data.options.phantom.size": 32,
    "global_batch_size": 8,
    "total_steps": 2,
    "optimizer.warmup_steps": 1,
}
UNET = {"model.features": 4, "model.pools": 1}
MRIPT = {
    "optimizer.name": "adam",
    "model.patch_size": 4,
    "model.features": 4,
    "model.width": 16,
    "model.depth": 2,
    "model.heads": 2,
    "model.window": 4,
    "model.global_blocks": (1,),
    "model.decoder_depth": 1,
    "model.decoder_heads": 2,
    "model.decoder_mlp": 16,
    "model.iterations": 0,
}


def config_of(name, **changes):
    config = load_config_file(CONFIGS / f"{name}.py").unlock()
    config.update_from_flattened_dict({**DATA, **(UNET if name == "unet" else MRIPT), **changes})
    return config.lock()


def named(params):
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {path_name(path): np.asarray(leaf) for path, leaf in leaves}


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "l1_edges", "optimizer.name": "muon", "optimizer.ema_decay": 0.9},
        *(
            pytest.param({"loss": name}, marks=pytest.mark.slow)
            for name in LOSSES
            if name != "masked_l1"
        ),
        pytest.param(
            {"optimizer.name": "adam", "optimizer.schedule": "constant"}, marks=pytest.mark.slow
        ),
        pytest.param(
            {"optimizer.name": "adam", "optimizer.schedule": "one_cycle", "optimizer.clip_l1": 1.0},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "optimizer.name": "adamw",
                "optimizer.schedule": "cosine",
                "optimizer.weight_decay": 0.05,
            },
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"optimizer.name": "muon", "optimizer.ema_decay": 0.9}, marks=pytest.mark.slow
        ),
    ],
    ids=lambda changes: " ".join(map(str, changes.values())),
)
def test_training_runs_with_every_choice(tmp_path, changes):
    state = train(config_of("unet", **changes), tmp_path)
    assert int(state.step) == 2 and int(state.skipped) == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(load_params(tmp_path)))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("pretrained")
    train(config_of("mript_tiny"), workdir)
    return workdir


def changed(before, after):
    return {name for name in before if not np.array_equal(before[name], after[name])}


@pytest.mark.slow
def test_frozen_parameters_stay(pretrained, tmp_path):
    freeze = {"init_from": str(pretrained), "optimizer.freeze": ("^encoder/", "^head/")}
    train(config_of("mript_tiny", **freeze), tmp_path)
    moved = changed(named(load_params(pretrained)), named(load_params(tmp_path)))
    assert moved and not any(re.match("encoder/|head/", name) for name in moved)


@pytest.mark.slow
def test_adapters_change_attention_alone_and_merge_into_the_weights(pretrained, tmp_path):
    lora = {"init_from": str(pretrained), "optimizer.lora_rank": 2}
    train(config_of("mript_tiny", **lora), tmp_path)
    before, after = named(load_params(pretrained)), named(load_params(tmp_path))
    assert before.keys() == after.keys()
    moved = changed(before, after)
    assert moved and all(re.search("attention|token|image", name) for name in moved)
    for name in moved:
        difference = (after[name] - before[name]).reshape(-1, *before[name].shape[-2:])
        assert max(np.linalg.matrix_rank(part, tol=1e-5) for part in difference) <= 2


@pytest.mark.slow
def test_layers_may_learn_the_slower_the_earlier_they_are(pretrained, tmp_path):
    decay = {"init_from": str(pretrained), "optimizer.layer_decay": 1e-4}
    train(config_of("mript_tiny", **decay), tmp_path)
    before, after = named(load_params(pretrained)), named(load_params(tmp_path))
    moved = {name: np.abs(after[name] - before[name]).max() for name in before}
    kernels = {name: moved[name] for name in moved if "qkv/kernel" in name}
    first, last = sorted(kernels.values())[0], sorted(kernels.values())[-1]
    assert len(kernels) == 2 and 0 < 100 * first < last


def test_steps_are_traced_on_demand(quick_config, tmp_path):
    train(quick_config(profile_steps=2, total_steps=13), tmp_path)
    assert list((tmp_path / "profile").rglob("*.xplane.pb"))


def test_loss_that_is_never_finite_ends_the_run_with_the_names_of_the_slices(
    quick_config, tmp_path
):
    broken = {"optimizer.learning_rate": 1e38, "optimizer.max_nonfinite": 2, "total_steps": 20}
    with pytest.raises(UserError, match=r"not finite in \d+ updates in a row.*phantom.*slice"):
        train(quick_config(**broken), tmp_path)


@pytest.mark.slow
def test_new_patterns_get_heads_of_their_own(pretrained, tmp_path):
    patterns = ("cartesian_random", "cartesian_equispaced", "gaussian_1d", "gaussian_2d", "radial")
    more = {
        "init_from": str(pretrained),
        "data.patterns": patterns,
        "model.num_patterns": 5,
        "optimizer.learning_rate": 0.0,
    }
    train(config_of("mript_tiny", **more), tmp_path)
    before, after = named(load_params(pretrained)), named(load_params(tmp_path))
    for name in ("tail/kernel", "prompt/patterns"):
        np.testing.assert_array_equal(after[name][:4], before[name])
        np.testing.assert_allclose(after[name][4], before[name].mean(axis=0), rtol=1e-6)
    assert np.array_equal(before["prompt/levels"], after["prompt/levels"])
