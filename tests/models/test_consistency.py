"""Data consistency around a network of magnitude images, with one coil and with several."""

import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.data.coil_maps import draw_coils
from mript_jax.data.phantom.source import PhantomSource
from mript_jax.errors import UserError
from mript_jax.evaluation.metrics import psnr
from mript_jax.models.consistency import reconstruct
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.phase import low_resolution_phase

SIZE = 64


def make_batch(coils, pattern="cartesian_random", acceleration=4.0):
    """Scans of two phantoms with a smooth phase; "target" is what the network should give."""
    source = PhantomSource(seed=2, count=2, size=SIZE)
    target = np.stack([source[i].image / source[i].image.max() for i in range(2)])
    rng = np.random.default_rng(0)
    maps = np.stack([draw_coils(coils, (SIZE, SIZE), rng)[0] for _ in range(2)])
    mask = np.stack([sample_mask(pattern, (SIZE, SIZE), acceleration, 0.08, s) for s in (0, 1)])
    scanned = (target * phase()).astype(np.complex64)
    kspace = mask[:, None] * fft2c(maps * scanned[:, None])
    zero_filled = root_sum_of_squares(ifft2c(kspace), axis=1)
    batch = {"zero_filled": zero_filled, "target": target}
    batch = {name: image.astype(np.float32)[..., None] for name, image in batch.items()}
    return batch | {"kspace": kspace, "mask": mask, "sensitivities": maps}


def phase():
    """That of the scans: smooth, of magnitude 1."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, SIZE)] * 2, indexing="ij")
    return np.exp(1j * (0.4 + x - y * y))


def without_maps(batch):
    return {name: value for name, value in batch.items() if name != "sensitivities"}


def score(batch, image):
    return np.min(psnr(batch["target"][..., 0], np.asarray(image)[..., 0]))


def test_one_coil_keeps_measured_samples_and_takes_the_others_from_the_network():
    batch = without_maps(make_batch(1))
    kspace, mask = batch["kspace"], batch["mask"]
    estimate = np.random.default_rng(0).random((2, SIZE, SIZE, 1), np.float32)
    image = reconstruct(lambda _: jnp.asarray(estimate), batch, 1)[..., 0]
    found = np.asarray(low_resolution_phase(jnp.asarray(kspace), jnp.asarray(mask)))
    filled = fft2c(estimate[..., 0] * found)
    expected = np.abs(ifft2c(np.where(mask > 0, kspace[:, 0], filled)))
    np.testing.assert_allclose(image, expected, atol=2e-6)


def test_each_iteration_starts_from_the_image_of_the_last():
    batch = make_batch(3)
    seen = []

    def network(image):
        seen.append(image)
        return 0.5 * image

    once, twice = (reconstruct(network, batch, n) for n in (1, 2))
    np.testing.assert_array_equal(seen[0], batch["zero_filled"])
    np.testing.assert_array_equal(seen[2], once)
    assert np.abs(twice - once).max() > 0.01


@pytest.mark.parametrize("coils", [1, 8])
def test_fully_sampled_coils_give_the_image_whatever_the_network_does(coils):
    batch = make_batch(coils, acceleration=1.0)
    assert batch["mask"].all()
    image = reconstruct(lambda image: 0 * image, batch, 1)
    np.testing.assert_allclose(image, batch["target"], atol=1e-5)


def test_data_consistency_without_kspace_names_the_field():
    batch = make_batch(1)
    del batch["kspace"]
    with pytest.raises(UserError, match="no field 'kspace'"):
        reconstruct(lambda image: image, batch, 1)
