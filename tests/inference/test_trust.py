"""Residual, uncertainty and warnings: what a reconstruction says of itself."""

import dataclasses

import numpy as np
import pytest

from mript_jax.config import base_config
from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import coil_sensitivities
from mript_jax.inference.estimate import Estimate, MeasuredSlices, magnitude_residuals
from mript_jax.inference.methods import UNTRAINED
from mript_jax.inference.provenance import Provenance
from mript_jax.inference.trust import unlike_sampling, with_warnings
from mript_jax.inference.uncertainty import split_mask, uncertainty
from mript_jax.inference.volumes import OtherMethod, ReconstructedVolume, Trust
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.measurement import residual

SHAPE = (48, 40)


def measured_slices(coils=1, acceleration=2.0, noise=0.0, pattern="cartesian_random", scale=1.0):
    rng = np.random.default_rng(0)
    maps = coil_sensitivities(coils, SHAPE, rng)
    images = np.stack([make_slice(3, i, SHAPE).image for i in range(2)])
    mask = sample_mask(pattern, SHAPE, acceleration, 0.2, 0)
    kspace = fft2c(images[:, None] * maps)
    kspace += noise * (rng.standard_normal(kspace.shape) + 1j * rng.standard_normal(kspace.shape))
    masks = np.broadcast_to(mask, (2, *SHAPE)).astype(np.float32)
    return MeasuredSlices((scale * kspace * mask).astype(np.complex64), masks), images


def psnr(images, reference):
    return -10 * np.log10(np.mean((images - np.abs(reference)) ** 2))


def test_residual_is_that_of_the_measured_samples_alone():
    slices, images = measured_slices()
    image = images.astype(np.complex64)
    np.testing.assert_allclose(residual(image, slices.kspace, slices.masks), 0, atol=1e-5)
    doubled = residual(2 * image, slices.kspace, slices.masks)
    np.testing.assert_allclose(doubled, 1, rtol=1e-5)
    np.testing.assert_allclose(residual(0 * image, slices.kspace, slices.masks), 1, rtol=1e-5)


def test_magnitudes_get_the_phase_that_fits():
    slices, images = measured_slices()
    magnitudes = np.abs(images)
    found = magnitude_residuals(magnitudes, slices.measured)
    assert found.shape == (2,) and found.max() < 0.05
    assert magnitude_residuals(magnitudes[:, ::-1], slices.measured).min() > 5 * found.max()


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_residual_of_the_truth_is_that_of_the_noise(noise):
    slices, images = measured_slices(noise=noise)
    found = residual(images.astype(np.complex64), slices.kspace, slices.masks)
    np.testing.assert_allclose(slices.noise_residuals, found, rtol=0.25)


@pytest.mark.parametrize(
    ("name", "coils", "least"),
    [
        ("tv", 1, 1.0),
        ("sense", 1, -0.01),  # of one coil it is the zero-filled image
        pytest.param("sense", 4, 3.0, marks=pytest.mark.slow),
        pytest.param("wavelet", 1, 0.3, marks=pytest.mark.slow),
        pytest.param("tv", 4, 6.0, marks=pytest.mark.slow),
        pytest.param("wavelet", 4, 5.0, marks=pytest.mark.slow),
    ],
)
def test_untrained_methods_beat_zero_filling_at_any_scale(name, coils, least):
    slices, images = measured_slices(coils, noise=0.005)
    found = UNTRAINED[name](slices)
    zero_filled = UNTRAINED["zero_filled"](slices)
    gain = psnr(found.images, images) - psnr(zero_filled.images, images)
    assert gain > least
    assert found.residuals.max() < 0.05
    scaled, _ = measured_slices(coils, noise=0.005, scale=1e-5)
    np.testing.assert_allclose(
        UNTRAINED[name](scaled).images, 1e-5 * found.images, atol=1e-8, rtol=2e-3
    )


@pytest.mark.parametrize("pattern", ["cartesian_random", "gaussian_2d"])
@pytest.mark.parametrize("turned", [False, True])
def test_halves_share_the_center_and_nothing_else(pattern, turned):
    mask = sample_mask(pattern, SHAPE, 3.0, 0.1, 0)
    mask = mask.T if turned else mask
    first, second = split_mask(mask, 0)
    H, W = mask.shape
    assert first[H // 2, W // 2] == second[H // 2, W // 2] == 1
    assert (np.maximum(first, second) <= mask).all()
    shared = np.minimum(first, second).sum()
    assert 0 < shared < 0.4 * mask.sum()
    assert abs(first.sum() - second.sum()) < 0.1 * mask.sum()
    assert first.sum() + second.sum() - shared >= mask.sum() - max(H, W)
    if pattern == "cartesian_random":
        lines = first if turned else first.T
        assert (lines == lines[:, :1]).all()


def test_uncertainty_is_where_the_halves_differ():
    slices, images = measured_slices(pattern="gaussian_2d")

    def method(part):
        error = np.zeros(images.shape, np.float32)
        error[:, 10:20, 10:20] = part.masks[:, ::2].sum(axis=(1, 2))[:, None, None]
        return Estimate(np.abs(images) + error, np.zeros(2))

    found = uncertainty(method, slices, method(slices).images)
    assert found.shape == images.shape
    assert found[:, 14:16, 14:16].min() > 100 * max(found[:, 35:].max(), 1e-3)


def test_uncertainty_grows_with_the_acceleration_by_more_than_the_halves_differ():
    def found(acceleration):
        slices, images = measured_slices(acceleration=acceleration)
        full = slices.masks.sum()

        def method(part):  # the halves are wrong by one
            return Estimate(np.abs(images) + (part.masks.sum() < full), np.zeros(2))

        return uncertainty(method, slices, method(slices).images), 1 / slices.masks.mean()

    (low, R), (high, larger) = found(2.0), found(4.0)
    np.testing.assert_allclose(high / low, (larger / R) ** 0.6, rtol=1e-4)


def make_result(config, **changes):
    mask = sample_mask("cartesian_random", (128, 128), 4.0, 0.08, 0)
    trust = Trust(
        residuals=np.array([changes.pop("residual", 0.02)]),
        noise_residuals=np.array([0.02]),
        noise=np.array([changes.pop("noise", 0.01)]),
        coils=changes.pop("coils", 1),
    )
    image = np.ones((1, 128, 128), np.float32)
    volume = ReconstructedVolume(
        "v", image, image, None, mask[None], False, provenance=Provenance("unrolled"), trust=trust
    )
    return with_warnings(dataclasses.replace(volume, **changes), config)


@pytest.fixture
def config():
    config = base_config().unlock()
    config.model = {"name": "unrolled"}
    config.data.undersampling = "simulated"
    config.data.image_size = 128
    config.data.continuous_accelerations = (2, 12)
    return config


def test_scan_like_the_training_data_is_not_warned_of(config):
    assert make_result(config).warnings() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noise": 0.2}, "its noise, 20.0 % of the maximum, is stronger"),
        ({"coils": 64}, "it has 64 coils"),
        ({"residual": 0.5}, "contradicts the measured samples"),
        ({"zero_filled": np.ones((1, 600, 128))}, "its 600 x 128 pixels"),
        (
            {"masks": sample_mask("cartesian_random", (128, 256), 20.0, 0.02, 0)[None]},
            "acceleration 19.0 is outside",
        ),
        ({"masks": sample_mask("spiral", (128, 128), 4.0, 0.02, 0)[None]}, "spiral"),
    ],
)
def test_scan_unlike_the_training_data_is_warned_of(config, changes, words):
    assert any(words in line for line in make_result(config, **changes).warnings())


@pytest.mark.parametrize(("model", "told"), [("unrolled", False), ("mript", True)])
def test_the_nearest_task_is_named_where_a_model_is_told_it(config, model, told):
    config.model.name = model
    (line,) = unlike_sampling(config, "spiral", 4.0)
    assert "spiral is not among" in line and ("; using " in line) == told


@pytest.mark.parametrize("undersampling", ["kspace", "split", "image", "complex"])
def test_noise_is_warned_of_only_where_that_of_the_training_is_known(config, undersampling):
    config.data.undersampling = undersampling
    assert make_result(config, noise=0.2).warnings() == []  # the scans' own may be as strong
    config.data.noise = 0.02
    assert make_result(config, noise=0.024).warnings() == []
    (line,) = make_result(config, noise=0.2).warnings()
    assert "stronger than the 2.0 % trained on" in line


@pytest.mark.parametrize(
    ("name", "coils", "warned"),
    [("simmim", 8, True), ("simmim", 1, False), ("unet", 8, False), ("unrolled", 8, False)],
)
def test_one_coils_model_that_keeps_the_spectrum_of_a_combined_image_says_so(
    config, name, coils, warned
):
    config.model, config.data.simulation.coils = {"name": name}, (8,)
    lines = make_result(config, provenance=Provenance(name), coils=coils).trust.warnings
    told = f"of {coils} coils it keeps the k-space of their zero-filled root-sum-of-squares image"
    assert [told in line for line in lines] == [True] * warned


def test_other_methods_are_not_warned_of(config):
    assert make_result(config, provenance=Provenance("tv"), noise=0.2).warnings() == []


def test_warnings_are_of_the_model_beside_other_methods_too(config):
    model = OtherMethod(Provenance("unrolled"), np.ones((1, 128, 128)), np.array([0.5]))
    result = make_result(config, provenance=Provenance("tv"), others=(model,))
    assert result.trust.warnings == ()
    (line,) = result.warnings()
    assert "contradicts the measured samples" in line and result.by_method()[1].warnings() == [line]
