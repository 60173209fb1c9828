"""Losses of images: they grow with the error of each example and have useful gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.training.losses import LOSSES, build_loss, contrastive

NAMES = sorted(set(LOSSES) - {"masked_l1", "self_supervised"})
RNG = np.random.default_rng(0)
TARGET = RNG.random((2, 32, 40), np.float32)
NOISE = RNG.standard_normal(TARGET.shape).astype(np.float32)


@functools.cache
def compiled(name):
    """The loss [B] as a compiled function of an estimate and its target [B, H, W]."""

    def loss(estimate, target):
        return build_loss(name)(lambda _: estimate[..., None], {"target": target[..., None]})

    return jax.jit(loss)


def value(name, estimate):
    return compiled(name)(estimate, TARGET)


@pytest.mark.parametrize("name", NAMES)
def test_loss_grows_with_the_error_of_its_own_example(name):
    right, little, much = (value(name, TARGET + s * NOISE) for s in (0.0, 0.05, 0.3))
    assert right.shape == (2,) and (right < little).all() and (little < much).all()
    one = TARGET + 0.3 * NOISE * np.float32([1, 0])[:, None, None]
    np.testing.assert_allclose(value(name, one), [much[0], right[1]], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_loss_decreases_along_its_gradient(name):
    start = TARGET + 0.1 * NOISE
    gradient = jax.grad(lambda estimate: value(name, estimate).sum())(start)
    assert np.isfinite(gradient).all()
    step = 1e-3 * gradient / np.abs(gradient).max()
    assert (value(name, start - step) < value(name, start)).all()


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_an_empty_image_is_finite(name):
    empty = jnp.zeros((1, 32, 32))

    def loss(estimate):
        return compiled(name)(estimate, empty).sum()

    assert np.isfinite(jax.grad(loss)(empty)).all()


def test_psnr_and_edges_count_an_easy_example_as_much_as_a_hard_one():
    """Halving the error is worth as much where it was a twentieth."""
    easy, hard = (
        value("psnr_edges", TARGET + scale * NOISE)
        - value("psnr_edges", TARGET + scale / 2 * NOISE)
        for scale in (0.02, 0.4)
    )
    np.testing.assert_allclose(easy, hard, rtol=0.05)
    np.testing.assert_allclose(hard, 2 * np.log(2), rtol=0.02)


def test_contrastive_loss_is_sensitive_to_position():
    """Patches at another position cost more than a constant offset of equal size."""
    swapped = np.roll(TARGET, 8, axis=2)
    size = np.abs(swapped - TARGET).mean(axis=(1, 2), keepdims=True)
    shifted = TARGET + size
    distance = jax.jit(contrastive)
    assert (distance(TARGET, shifted) < distance(TARGET, swapped) - 0.3).all()


@jax.jit
def self_supervised(predicted, measured, mask):
    batch = {"full_kspace": measured, "mask": mask}
    return build_loss("self_supervised")(
        lambda method: {"predict_kspace": predicted}[method], batch
    )


def test_self_supervised_loss_is_of_the_samples_that_were_held_out_alone():
    noise = RNG.standard_normal((2, 2, 3, 8, 8)).astype(np.float32)
    kspace = noise[0] + 1j * noise[1]  # [B, C, H, W]
    mask = np.zeros((2, 8, 8), np.float32)
    mask[:, :, ::2] = 1.0  # given to the model
    measured = kspace.copy()
    measured[..., 7] = 0.0  # not measured at all
    known = np.broadcast_to(mask[:, None] > 0, kspace.shape)
    wrong = np.where(known, 9.0, kspace)
    wrong[..., 7] = 5.0
    np.testing.assert_allclose(self_supervised(wrong, measured, mask), 0.0, atol=1e-5)
    np.testing.assert_allclose(self_supervised(0 * kspace, measured, mask), 2.0, rtol=1e-4)
    wrong[0, 0, 0, 1] += 1.0
    first, second = self_supervised(wrong, measured, mask)
    assert first > 0.01 and second < 1e-5


def test_gradient_of_the_self_supervised_loss_is_finite_where_all_is_zero():
    zeros, mask = np.zeros((1, 1, 4, 4), np.complex64), np.ones((1, 4, 4), np.float32)
    gradient = jax.jit(jax.grad(lambda x: self_supervised(x + 0j, zeros, mask).sum()))(
        np.zeros((1, 1, 4, 4))
    )
    assert np.isfinite(gradient).all()
