"""PSNR, SSIM and NMSE against the references' numbers, and what they mean.

tests/golden/metrics_*.npz hold values of the public MR-IPT and fastMRI code (torch and
scikit-image), in float32 and in float64.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.errors import UserError
from mript_jax.evaluation.metrics import nmse, psnr, ssim

KINDS = ("random", "structured", "blurred")
FUNCTIONS = {"psnr": jax.jit(psnr), "ssim": jax.jit(ssim), "nmse": jax.jit(nmse)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_equal_those_of_the_public_mript_code(golden, kind, name):
    stored = golden("metrics_mript")
    reference, estimate = (stored[f"in/{kind}/{side}"][:, 0] for side in ("target", "pred"))
    ours = FUNCTIONS[name](reference, estimate, data_range=stored[f"in/{kind}/data_range"])
    np.testing.assert_allclose(ours, stored[f"f64/{kind}/{name}"], rtol=1e-5, atol=1e-5)
    if name != "nmse":
        ours = FUNCTIONS[name](reference, estimate, data_range=1.0)
        np.testing.assert_allclose(ours, stored[f"out/{kind}/{name}_range1"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_ssim_with_another_window_equals_the_public_code(golden, kind):
    stored = golden("metrics_mript")
    reference, estimate = (stored[f"in/{kind}/{side}"][:, 0] for side in ("target", "pred"))
    ours = ssim(reference, estimate, data_range=stored[f"in/{kind}/data_range"], win_size=11)
    np.testing.assert_allclose(ours, stored[f"out/{kind}/ssim_win11"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", ("slice", "volume"))
def test_ssim_loss_equals_that_of_fastmri(golden, kind, unit):
    stored = golden("metrics_fastmri")
    ours = ssim(
        stored[f"in/{kind}/gt"],
        stored[f"in/{kind}/pred"],
        data_range=stored[f"in/{kind}/data_range_{unit}"],
    )
    np.testing.assert_allclose(
        1 - np.mean(ours), stored[f"out/{kind}/ssimloss_{unit}_range"], rtol=0, atol=2e-5
    )


def test_gradient_of_ssim_equals_that_of_fastmri(golden):
    stored = golden("metrics_fastmri")
    gradient = jax.grad(
        lambda estimate: (
            1
            - jnp.mean(
                ssim(
                    stored["in/structured/gt"],
                    estimate,
                    data_range=stored["in/structured/data_range_volume"],
                )
            )
        )
    )(stored["in/structured/pred"])
    expected = stored["grad/structured/ssimloss_volume_range_wrt_pred"]
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=2e-4 * np.abs(expected).max())


def test_gradient_of_ssim_with_respect_to_the_reference_is_the_mirrored_one():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 2, 16, 19)).astype(np.float32)
    mirrored = jax.grad(lambda x: ssim(x, b).sum())(a)
    np.testing.assert_allclose(mirrored, jax.grad(lambda y: ssim(b, y).sum())(a), atol=1e-7)


def test_ssim_stays_exact_where_bright_regions_are_flat():
    reference = np.zeros((1, 64, 64), np.float32)
    reference[..., 32:] = 1.0  # piecewise constant: E[x^2] - E[x]^2 is off by 2e-5 here
    estimate = reference * np.float32(0.999)
    expected = _ssim_in_float64(reference[0], estimate[0])
    assert abs(float(ssim(reference, estimate)[0]) - expected) < 1e-6


@settings(max_examples=15, deadline=None)
@given(
    shape=st.sampled_from([(7, 7), (16, 19)]),
    seed=st.integers(0, 100),
    exponent=st.integers(-8, 4),
)
def test_metrics_do_not_depend_on_the_unit_of_the_images(shape, seed, exponent):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(size=(2, 3, *shape)).astype(np.float32)
    unit = np.float32(10.0**exponent)
    for function in FUNCTIONS.values():
        plain = function(a, b, data_range=1.0)
        scaled = function(a * unit, b * unit, data_range=unit)
        assert plain.shape == (3,)
        np.testing.assert_allclose(plain, scaled, rtol=1e-4, atol=1e-5)


def test_each_image_has_its_own_data_range():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 3, 16, 16)).astype(np.float32)
    ranges = np.array([0.5, 1.0, 2.0], np.float32)
    for function in (psnr, ssim):
        together = function(a, b, data_range=ranges)
        one_by_one = [
            function(a[i : i + 1], b[i : i + 1], data_range=float(r))[0]
            for i, r in enumerate(ranges)
        ]
        np.testing.assert_allclose(together, one_by_one, rtol=1e-5)


def test_a_perfect_estimate_scores_best_and_stays_finite():
    image = np.random.default_rng(0).uniform(size=(2, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(ssim(image, image), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(nmse(image, image), 0.0)
    np.testing.assert_allclose(psnr(image, image), 200.0, rtol=1e-6)


def test_images_of_different_shapes_are_not_broadcast():
    with pytest.raises(AssertionError):
        psnr(np.ones((2, 16, 16)), np.ones((1, 16, 16)))


def _ssim_in_float64(x: np.ndarray, y: np.ndarray, size: int = 7) -> float:
    windows = [
        np.lib.stride_tricks.sliding_window_view(im.astype(np.float64), (size, size))
        for im in (x, y)
    ]
    mx, my = (w.mean((-2, -1)) for w in windows)
    vx, vy = (w.var((-2, -1), ddof=1) for w in windows)
    cov = (windows[0] * windows[1]).mean((-2, -1)) - mx * my
    cov *= size**2 / (size**2 - 1)
    return float(
        np.mean(
            (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
        )
    )


IMAGE = np.random.default_rng(3).random((1, 9, 8))
EXTREMES = {
    "zero": IMAGE * 0,
    "constant": IMAGE * 0 + 3,
    "huge": IMAGE * 1e300,
    "tiny": IMAGE * 1e-300,
    "integer": (IMAGE * 100).astype(np.int16),
    "half": IMAGE.astype(np.float16),
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("metric", [psnr, ssim, nmse])
def test_metric_of_extreme_images_is_finite(metric, name):
    image = EXTREMES[name]
    data_range = float(image.max()) or 1.0
    for estimate in (image, image * 0, image[:, ::-1]):
        assert np.isfinite(metric(image, estimate, data_range)).all()


@pytest.mark.parametrize("metric", [psnr, ssim, nmse])
def test_metric_refuses_what_is_not_finite(metric):
    wrong = IMAGE.copy()
    wrong[0, 4, 4] = np.nan
    with pytest.raises(UserError, match=f"{metric.__name__}: the estimate holds NaN"):
        metric(IMAGE, wrong)
    with pytest.raises(UserError, match="the reference holds NaN"):
        metric(np.where(np.isnan(wrong), np.inf, wrong), IMAGE)
    for data_range in (0.0, -1.0, np.nan):
        with pytest.raises(UserError, match="data range"):
            metric(IMAGE, IMAGE, data_range)
