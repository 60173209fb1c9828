"""Prompts: the continuous description of the sampling and the blending of heads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.models.prompt import (
    ContinuousPrompt,
    level_weights,
    line_profiles,
    radial_profile,
)
from mript_jax.physics.masks import sample_mask

LEVELS = (2.0, 4.0, 6.0, 8.0, 10.0)
CONFIG = {
    "name": "mript",
    "prompt": "continuous",
    "mode": "split",
    "image_size": 32,
    "patch_size": 4,
    "features": 4,
    "width": 16,
    "depth": 1,
    "heads": 2,
    "mlp_ratio": 2.0,
    "window": 4,
    "global_blocks": (),
    "decoder_depth": 1,
    "decoder_heads": 2,
    "decoder_mlp": 16,
    "decoder_downsample": 1,
    "num_patterns": 4,
    "num_levels": 5,
    "dtype": "float32",
}


def test_level_weights_at_a_level_are_one_hot():
    np.testing.assert_allclose(level_weights(jnp.array(LEVELS), LEVELS), np.eye(5), atol=1e-6)


def test_level_weights_between_levels_are_shared_by_neighbours():
    weights = level_weights(jnp.array([3.0, 12.0, 1.5]), LEVELS)
    share = np.log(3 / 2) / np.log(4 / 2)
    np.testing.assert_allclose(weights[0], [1 - share, share, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(weights[1:], np.eye(5)[[4, 0]], atol=1e-6)


def test_radial_profile_does_not_depend_on_the_size():
    small, large = (
        np.stack([sample_mask("gaussian_2d", (n, n), 4.0, 0.08, seed) for seed in range(8)])
        for n in (64, 128)
    )
    np.testing.assert_allclose(
        radial_profile(small).mean(0), radial_profile(large).mean(0), atol=0.2
    )
    assert radial_profile(small)[0, 0] > radial_profile(small)[0, -1]


def test_line_profiles_distinguish_regular_lines_and_the_axis():
    columns = sample_mask("cartesian_equispaced", (128, 128), 4.0, 0.08, 0)
    random = sample_mask("cartesian_random", (128, 128), 4.0, 0.08, 0)
    profiles = jax.jit(line_profiles)(np.stack([columns, random, columns.T]))
    lags = profiles[:, 48:64]  # of the columns' autocorrelation
    assert lags[0].max() > lags[1].max() + 0.2
    np.testing.assert_allclose(profiles[2, :32], profiles[0, 32:], atol=1e-6)


@pytest.fixture(scope="module")
def model():
    return build_model(CONFIG)


@pytest.fixture(scope="module")
def params(model, random_params):
    example = batch(1)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), example, method="predict"))
    return random_params(shapes["params"])


def batch(size, acceleration=3.0, seed=0):
    masks = [
        sample_mask("cartesian_random", (32, 32), acceleration, 0.08, seed + i) for i in range(size)
    ]
    return {
        "zero_filled": np.random.default_rng(seed).random((size, 32, 32, 1), dtype=np.float32),
        "mask": np.stack(masks),
        "pattern_index": np.arange(size) % 4,
        "level_index": np.arange(size) % 5,
        "acceleration": np.full(size, acceleration, np.float32),
        "center_fraction": np.full(size, 0.08, np.float32),
    }


def test_continuous_prompt_depends_on_the_acceleration_and_not_on_indices(model, params):
    apply = jax.jit(lambda batch: model.apply({"params": params}, batch, method="predict"))
    one = batch(2)
    relabeled = one | {"pattern_index": np.array([3, 3]), "level_index": np.array([4, 0])}
    np.testing.assert_array_equal(apply(one), apply(relabeled))
    assert jnp.abs(apply(one) - apply(one | {"acceleration": np.float32([5, 5])})).max() > 1e-4


def test_image_is_continuous_in_the_acceleration(model, params):
    one = batch(1, acceleration=4.0)

    @jax.jit
    def apply(acceleration):
        return model.apply(
            {"params": params}, one | {"acceleration": acceleration}, method="predict"
        )

    at_level = apply(jnp.array([4.0]))
    for nearby in (3.999, 4.001):
        assert jnp.abs(apply(jnp.array([nearby])) - at_level).max() < 1e-2


def test_weights_of_heads_sum_to_one_in_all_modes(random_params):
    one = batch(3)
    given = one["pattern_index"], one["level_index"], one["acceleration"]
    for mode, heads in (("type", 4), ("level", 5), ("split", 20)):
        prompt = ContinuousPrompt(mode, 4, 5, LEVELS, 8)
        arguments = (*given, one["center_fraction"], one["mask"])
        shapes = jax.eval_shape(prompt.init, jax.random.key(0), *arguments)
        weights, tokens = jax.jit(prompt.apply)(random_params(shapes), *arguments)
        assert weights.shape == (3, heads) and tokens.shape == (3, 3, 8)
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)


def test_missing_mask_is_a_user_error(model):
    with pytest.raises(UserError, match="needs acceleration, center_fraction and mask"):
        one = batch(1)
        task = one["zero_filled"], one["pattern_index"], one["level_index"]
        jax.eval_shape(lambda: model.init(jax.random.key(0), *task))


def test_wrong_number_of_accelerations_is_a_user_error():
    model = build_model(CONFIG | {"num_levels": 3})
    with pytest.raises(UserError, match="num_levels=3 ascending"):
        jax.eval_shape(lambda: model.init(jax.random.key(0), batch(1), method="predict"))
