"""Scores get worse when they should: with shuffled pairs, blur and noise."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mript_jax.data.phantom.source import PhantomSource
from mript_jax.evaluation.evaluate import evaluate_tasks
from mript_jax.physics.measurement import zero_filled_image
from mript_jax.physics.tasks import TASKS

WORSE = {"psnr": -1, "ssim": -1, "nmse": 1, "hfen": 1}  # the direction


@pytest.fixture(scope="module")
def batch() -> dict[str, np.ndarray]:
    source = PhantomSource(seed=3, count=6, size=64)
    target = np.stack([source[i].image for i in range(6)]).astype(np.float32)
    target /= target.max(axis=(1, 2), keepdims=True)
    mask = np.zeros_like(target)
    mask[:, :, ::2] = mask[:, :, 29:35] = 1.0
    zero_filled = np.abs(zero_filled_image(target, mask))
    return {
        "target": target[..., None],
        "zero_filled": zero_filled[..., None].astype(np.float32),
        "mask": mask,
    }


def score(batch, method) -> dict:
    (row,), _ = evaluate_tasks({"m": method}, lambda task: [batch], TASKS[:1], pictures=0)
    return row


def with_noise(size: float):
    def method(batch, task):
        noise = np.random.default_rng(0).normal(0, size, batch["target"].shape)
        return batch["target"] + jnp.asarray(noise, jnp.float32)

    return method


def with_blur(sigma: float):
    def method(batch, task):
        target = np.asarray(batch["target"])
        return jnp.asarray(gaussian_filter(target, (0, sigma, sigma, 0)))

    return method


@pytest.mark.parametrize("metric", WORSE)
@pytest.mark.parametrize(
    "degraded",
    (
        [with_noise(size) for size in (0.005, 0.02, 0.08)],
        [with_blur(sigma) for sigma in (0.4, 0.8, 1.6)],
    ),
    ids=("noise", "blur"),
)
def test_more_noise_and_more_blur_score_worse(batch, metric, degraded):
    values = [score(batch, method)[metric] for method in degraded]
    assert (WORSE[metric] * np.diff(values) > 0).all(), values


@pytest.mark.parametrize("metric", WORSE)
def test_shuffled_pairs_score_worse_than_the_poorest_real_method(batch, metric):
    zero_filled = score(batch, lambda batch, task: batch["zero_filled"])[metric]
    shuffled = score(batch, lambda batch, task: jnp.roll(batch["target"], 1, axis=0))[metric]
    assert WORSE[metric] * (shuffled - zero_filled) > 0


def test_blur_is_told_from_noise_of_the_same_psnr(batch):
    blurred, noisy = score(batch, with_blur(0.8)), score(batch, with_noise(0.03))
    assert blurred["sharpness"] < 0.9 < noisy["sharpness"]
    assert blurred["psnr"] == pytest.approx(noisy["psnr"], abs=3.0)
    assert blurred["frequency_error"][0] < 0.1 < blurred["frequency_error"][-1]
