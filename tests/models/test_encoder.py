"""The encoder: pattern of blocks, windows and image sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.models.encoder import Block, Encoder, pattern_length


@pytest.mark.parametrize(
    ("depth", "global_blocks", "length"),
    [
        (24, (5, 11, 17, 23), 6),  # the paper's
        (12, (2, 5, 8, 11), 3),  # Segment Anything's ViT-B
        (4, (), 1),
        (4, (0, 1, 2, 3), 1),
        (4, (0, 2), 2),
        (6, (0, 5), 6),  # no repetition
        (1, (0,), 1),
    ],
)
def test_pattern_length_is_the_shortest_repetition(depth, global_blocks, length):
    assert pattern_length(depth, global_blocks) == length


def encoder(**changes):
    values = {
        "grid": (6, 6),
        "patch": 2,
        "width": 8,
        "depth": 1,
        "heads": 2,
        "mlp_ratio": 2.0,
        "window": 3,
        "global_blocks": (),
        "out_width": 4,
        "dtype": jnp.float32,
        "attention": "auto",
        "remat": "none",
        "scan_blocks": True,
    }
    return Encoder(**values | changes)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_windowed_block_attends_within_its_window_only(random_params):
    block = Block(2, 16, 3, (6, 6), jnp.float32, "auto")
    x = draw(1, 6, 6, 8)
    params = random_params(jax.eval_shape(lambda: block.init(jax.random.key(0), x)))

    @jax.jit
    @jax.grad
    def influence(x):
        return block.apply(params, x)[0, 1, 1].sum()

    attended = np.abs(influence(x)).sum(-1)[0] > 0
    expected = np.zeros((6, 6), bool)
    expected[:3, :3] = True
    np.testing.assert_array_equal(attended, expected)


def test_grid_that_is_no_multiple_of_the_window_keeps_its_size(random_params):
    model, x = encoder(), draw(2, 10, 14, 3)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), x))
    assert shapes["params"]["position"].shape == (1, 6, 6, 8)
    out = jax.jit(model.apply)(random_params(shapes), x)
    assert out.shape == (2, 5, 7, 4)
    assert jnp.isfinite(out).all()


def test_pattern_without_repetition_is_one_group(random_params):
    model, x = encoder(depth=3, global_blocks=(0,)), draw(1, 12, 12, 3)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), x))["params"]["groups"]
    assert sorted(shapes) == ["block_0", "block_1", "block_2"]
    assert shapes["block_0"]["attention"]["relative_h"].shape == (1, 11, 4)
    assert shapes["block_1"]["attention"]["relative_h"].shape == (1, 5, 4)
