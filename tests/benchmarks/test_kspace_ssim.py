"""The cheat that shows what a picture of k-space does not see."""

import numpy as np

from mript_jax.benchmarks.kspace_ssim import measure, without_phase, zero_filled
from mript_jax.config import base_config
from mript_jax.data.pipeline import evaluation_batches
from mript_jax.physics.tasks import make_task


def test_the_right_picture_of_kspace_can_hold_a_worse_image_than_zero_filling():
    data = base_config().data
    data.image_size, data.fields = 64, ("kspace",)
    data.options.phantom.update({"count": 24, "size": 64})
    task = make_task("cartesian_random", 4.0)
    batch, _ = next(evaluation_batches(data, "test", task, 2, 2))
    cheat, honest = measure(without_phase, batch), measure(zero_filled, batch)
    assert np.min(cheat["k-space SSIM"]) > 0.99 and np.max(honest["k-space SSIM"]) < 0.5
    assert np.mean(cheat["image PSNR (dB)"]) < np.mean(honest["image PSNR (dB)"])
