"""The decoder: grid encoding, attention between prompt and image, and initial output."""

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.models.decoder import Decoder, GridEncoding


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def decoder(**changes):
    values = {"depth": 1, "heads": 2, "hidden": 8, "downsample": 2, "stages": 2}
    return Decoder(**values | changes, dtype=jnp.float32)


def test_grid_encoding_is_by_columns_then_rows():
    gaussian = draw(2, 3)
    apply = jax.jit(GridEncoding(6).apply, static_argnums=1)
    encoding = apply({"params": {"gaussian": gaussian}}, (2, 5))
    row, column = 1, 3
    x, y = 2 * (column + 0.5) / 5 - 1, 2 * (row + 0.5) / 2 - 1
    angle = 2 * np.pi * (x * gaussian[0] + y * gaussian[1])
    expected = np.concatenate([np.sin(angle), np.cos(angle)])
    np.testing.assert_allclose(encoding[row * 5 + column], expected, atol=1e-5)


def test_matrix_of_the_grid_encoding_has_no_gradient():
    def total(gaussian):
        return GridEncoding(6).apply({"params": {"gaussian": gaussian}}, (2, 5)).sum()

    assert not jax.grad(total)(draw(2, 3)).any()


def test_each_stage_doubles_the_size_and_halves_the_channels(random_params):
    image, prompt = draw(1, 3, 4, 8), draw(1, 2, 8)
    for stages in (1, 3):
        model = decoder(stages=stages)
        shapes = jax.eval_shape(lambda model=model: model.init(jax.random.key(0), image, prompt))
        out = jax.eval_shape(model.apply, shapes, image, prompt)
        assert out.shape == (1, 3 * 2**stages, 4 * 2**stages, 8 // 2**stages)


def test_prompt_changes_every_pixel(random_params):
    model, image, prompt = decoder(), draw(1, 3, 4, 8), draw(2, 2, 8)
    params = random_params(jax.eval_shape(lambda: model.init(jax.random.key(0), image, prompt[:1])))
    apply = jax.jit(model.apply)
    a, b = (apply(params, image, prompt[i : i + 1]) for i in (0, 1))
    assert (jnp.abs(a - b).max(-1) > 0).all()


def test_untrained_decoder_is_near_zero():
    model, image, prompt = decoder(), draw(1, 3, 4, 8), draw(1, 2, 8)
    out, _ = jax.jit(model.init_with_output)(jax.random.key(0), image, prompt)
    assert jnp.abs(out).max() < 0.05
