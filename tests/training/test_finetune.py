"""Initialization of a model of other patterns, levels or mode from a checkpoint."""

import functools
from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from mript_jax.batch import empty_example, stack
from mript_jax.checkpoint import save_params
from mript_jax.config import load_config_file
from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.physics.fourier import fft2c
from mript_jax.training.finetune import initialize_from

TINY = Path(__file__).parents[2] / "configs" / "mript_tiny.py"
SMALL = {
    "image_size": 16,
    "patch_size": 4,
    "features": 4,
    "width": 16,
    "depth": 1,
    "heads": 2,
    "window": 4,
    "global_blocks": (),
    "decoder_depth": 1,
    "decoder_heads": 2,
    "decoder_mlp": 16,
    "iterations": 0,
}

POSITIONED = {
    "mript": {**SMALL, "mode": "type", "num_patterns": 1, "num_levels": 1, "mlp_ratio": 1.0}
    | {"global_blocks": (0,), "decoder_downsample": 1, "dtype": "float32"},
    "recon_vit": {"patch_size": 4, "width": 8, "depth": 1, "heads": 2, "mlp_ratio": 1.0}
    | {"dtype": "float32"},
    "simmim": {"encoder": "vit", "patch_size": 4, "width": 8, "depths": (1,), "heads": (2,)}
    | {"window": 4, "mlp_ratio": 1.0, "mask_cell": 4, "mask_ratio": 0.6, "dtype": "float32"},
}


def heads(mode, patterns, levels):
    """The number of heads."""
    return {"type": patterns, "level": levels, "split": patterns * levels}[mode]


def tree(mode, patterns, levels, value=None):
    """Parameters that depend on the task, random, or NaN without a value."""
    rng = np.random.default_rng(0)

    def table(*shape):
        return rng.normal(size=shape).astype(np.float32) if value else np.full(shape, np.nan)

    count = heads(mode, patterns, levels)
    return {
        "head": {"bias": table(count, 2)},
        "tail": {"kernel": table(count, 3, 2)},
        "prompt": {"levels": table(levels, 2), "patterns": table(patterns, 2)},
        "encoder": {"bias": table(2)},
    }


def model(mode, patterns, levels):
    return ConfigDict({"mode": mode, "num_patterns": patterns, "num_levels": levels})


def taken(tmp_path, old, new):
    """Biases of heads in a checkpoint and in the new model, [patterns, levels, 2] if split."""
    stored, config = tree(*old, value="random"), ConfigDict({"model": model(*old)})
    save_params(tmp_path, stored, config)
    got = initialize_from(str(tmp_path), tree(*new), model(*new))
    assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(got))  # all initialized
    np.testing.assert_array_equal(got["encoder"]["bias"], stored["encoder"]["bias"])
    shapes = [(p, n, 2) if mode == "split" else (-1, 2) for mode, p, n in (old, new)]
    return [x["head"]["bias"].reshape(s) for x, s in zip((stored, got), shapes, strict=True)]


@pytest.mark.parametrize(("mode", "axis"), [("type", 0), ("level", 1)])
def test_new_heads_are_the_mean_of_the_old(tmp_path, mode, axis):
    more = (mode, 3, 5) if mode == "type" else (mode, 2, 6)
    old, new = taken(tmp_path, (mode, 2, 4), more)
    np.testing.assert_array_equal(new[: len(old)], old)
    for head in new[len(old) :]:
        np.testing.assert_allclose(head, old.mean(axis=0), rtol=1e-5)


def test_split_heads_keep_their_pattern_and_level(tmp_path):
    old, new = taken(tmp_path, ("split", 2, 2), ("split", 3, 4))
    np.testing.assert_array_equal(new[:2, :2], old)
    for level in (2, 3):  # a new level of an old pattern
        np.testing.assert_allclose(new[:2, level], old.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(new[2, :2], old.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(new[2, 2:], [old.mean(axis=(0, 1))] * 2, rtol=1e-5)


def test_split_heads_of_another_grid_of_equal_size_are_adapted(tmp_path):
    old, new = taken(tmp_path, ("split", 2, 3), ("split", 3, 2))
    np.testing.assert_array_equal(new[:2], old[:, :2])
    np.testing.assert_allclose(new[2], old[:, :2].mean(axis=0), rtol=1e-5)


def test_split_heads_are_initialized_by_those_of_their_pattern(tmp_path):
    old, new = taken(tmp_path, ("type", 2, 3), ("split", 3, 3))
    for level in range(3):
        np.testing.assert_array_equal(new[:2, level], old)
        np.testing.assert_allclose(new[2, level], old.mean(axis=0), rtol=1e-5)


def test_split_heads_are_initialized_by_those_of_their_level(tmp_path):
    old, new = taken(tmp_path, ("level", 2, 3), ("split", 2, 4))
    for pattern in range(2):
        np.testing.assert_array_equal(new[pattern, :3], old)
        np.testing.assert_allclose(new[pattern, 3], old.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize(("old", "new"), [("type", "level"), ("level", "type")])
@pytest.mark.parametrize("levels", [3, 2])  # with 2 there are as many heads in both
def test_pattern_heads_do_not_become_level_heads(tmp_path, old, new, levels):
    old, new = taken(tmp_path, (old, 2, levels), (new, 2, levels))
    np.testing.assert_allclose(new, [old.mean(axis=0)] * len(new), rtol=1e-5)


@pytest.mark.parametrize(("mode", "axis"), [("type", 1), ("level", 0)])
def test_split_heads_that_are_merged_are_averaged(tmp_path, mode, axis):
    old, new = taken(tmp_path, ("split", 2, 3), (mode, 2, 3))
    np.testing.assert_allclose(new, old.mean(axis=axis), rtol=1e-5)


def test_parameters_without_tasks_are_copied_by_name_and_shape(tmp_path):
    stored = {"head": {"bias": np.ones(2)}, "body": {"bias": np.ones(3)}}
    save_params(tmp_path, stored, ConfigDict({"model": {"name": "recon_vit"}}))
    params = {"head": {"bias": np.zeros(4)}, "body": {"bias": np.zeros(3)}}
    got = initialize_from(str(tmp_path), params, model("split", 2, 2))
    assert not got["head"]["bias"].any() and got["body"]["bias"].all()
    with pytest.raises(UserError, match="nothing in"):
        initialize_from(str(tmp_path), {"other": np.zeros(3)}, model("split", 2, 2))


@pytest.mark.parametrize(("count", "taken"), [(1, [0]), (2, [0, 2]), (5, [0, 0, 1, 2, 2])])
def test_other_cascades_start_from_those_at_the_nearest_places(tmp_path, count, taken):
    stored = {"cascades": {"kernel": np.array([[1.0], [2.0], [3.0]]), "gate": np.ones((3, 4))}}
    save_params(tmp_path, stored, ConfigDict({"model": {"name": "unrolled"}}))
    params = {"cascades": {"kernel": np.zeros((count, 1)), "gate": np.zeros((count, 5))}}
    got = initialize_from(str(tmp_path), params, ConfigDict({"name": "unrolled"}))["cascades"]
    np.testing.assert_array_equal(got["kernel"], stored["cascades"]["kernel"][taken])
    assert not got["gate"].any()  # of another width


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_wider_cascades_compute_what_the_narrow_ones_did(tmp_path, scale):
    rng = np.random.default_rng(0)
    kspace = fft2c(rng.normal(size=(1, 1, 16, 12)).astype(np.complex64))
    mask = (rng.random((1, 16, 12)) < 0.3).astype(np.float32)
    mask[:, 4:12, 3:9] = 1

    def unrolled(width, scale):
        network = {"name": "conv_transformer", "widths": (width, 8), "depths": (0, 1)}
        network |= {"mixers": ("conv", "conv"), "dtype": "float32", "input_scale": scale}
        model = {"name": "unrolled", "cascades": 2, "dtype": "float32", "network": network}
        return ConfigDict(model | {"condition": 4})

    def initialized(model):
        shapes = jax.eval_shape(model.init, jax.random.key(0), kspace * mask, mask)["params"]
        return jax.tree.map(lambda x: rng.normal(0, 0.3, x.shape).astype(np.float32), shapes)

    configs = unrolled(4, 1.0), unrolled(6, scale)
    narrow, wide = map(build_model, configs)
    params = initialized(narrow)
    save_params(tmp_path, params, ConfigDict({"model": configs[0]}))
    started = initialize_from(str(tmp_path), initialized(wide), configs[1])
    before, after = (
        jax.jit(m.apply)({"params": p}, kspace * mask, mask)
        for m, p in ((narrow, params), (wide, started))
    )
    np.testing.assert_allclose(before, after, rtol=1e-4, atol=1e-5)
    assert before.std() > 0.01
    assert all(np.any(leaf) for leaf in jax.tree.leaves(started))


@pytest.mark.parametrize("name", ["mript", "recon_vit", "simmim"])
def test_position_tables_are_resized_as_the_model_itself_does(tmp_path, name):
    def build(size):
        return build_model({**POSITIONED[name], "name": name, "image_size": size})

    example = stack([empty_example((24, 32), ("kspace",))] * 2)
    rng = np.random.default_rng(0)
    example["zero_filled"] = rng.random((2, 24, 32, 1), np.float32)
    example["kspace"] = fft2c(example["zero_filled"][..., 0])[:, None]
    example["mask"] = np.ones_like(example["mask"])
    example["mask"][:, :, ::2] = 0
    batch = {k: v for k, v in example.items() if k not in ("target", "scale", "weight")}
    small, large = build(16), build((24, 32))
    shapes, fresh = (
        jax.eval_shape(lambda m=m: m.init(jax.random.key(0), batch, method="predict"))["params"]
        for m in (small, large)
    )
    params = jax.tree.map(lambda x: rng.normal(0, 0.3, x.shape).astype(np.float32), shapes)
    save_params(tmp_path, params, ConfigDict({"model": {"name": name}}))
    empty = jax.tree.map(lambda x: np.full(x.shape, np.nan, np.float32), fresh)
    started = initialize_from(str(tmp_path), empty, ConfigDict({"name": name}))
    assert shapes != fresh
    images = [
        jax.jit(functools.partial(m.apply, method="predict"))({"params": p}, batch)
        for m, p in ((small, params), (large, started))
    ]
    np.testing.assert_allclose(*images, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_output_for_old_tasks_is_unchanged_in_an_enlarged_split_model(tmp_path):
    config = load_config_file(TINY).unlock()
    config.model.update({**SMALL, "mode": "split", "num_patterns": 2, "num_levels": 2})
    small = build_model(config.model)
    images = np.random.default_rng(0).random((4, 16, 16, 1), np.float32)
    task = (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))  # pattern and level of each image
    params = jax.jit(small.init)(jax.random.key(0), images, *task)["params"]
    save_params(tmp_path, params, config)
    config.model.update({"num_patterns": 3, "num_levels": 3})
    grown = build_model(config.model)
    fresh = jax.jit(grown.init)(jax.random.key(1), images, *task)["params"]
    started = initialize_from(str(tmp_path), fresh, config.model)
    before = jax.jit(small.apply)({"params": params}, images, *task)
    after = jax.jit(grown.apply)({"params": started}, images, *task)
    np.testing.assert_array_equal(before, after)
