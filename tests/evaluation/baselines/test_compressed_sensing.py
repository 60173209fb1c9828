"""Compressed sensing minimizes what it says, and improves on the zero-filled image."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.batch import stack
from mript_jax.data.measured import measured_batches
from mript_jax.data.phantom.source import PhantomSource
from mript_jax.data.phantom.volume import coil_sensitivities, write_fastmri_h5
from mript_jax.data.readers import open_source
from mript_jax.data.transforms import ExampleMaker
from mript_jax.errors import UserError
from mript_jax.evaluation.baselines import (
    WEIGHTED,
    total_variation,
    tune_weights,
    wavelet,
    with_weights,
)
from mript_jax.evaluation.baselines.compressed_sensing import (
    _total_variation_prox,
    differences,
    differences_adjoint,
    shrink,
)
from mript_jax.evaluation.baselines.fista import fista
from mript_jax.evaluation.baselines.measurement import measurement_of
from mript_jax.evaluation.baselines.wavelets import from_wavelets, to_wavelets
from mript_jax.evaluation.metrics import psnr
from mript_jax.physics.measurement import Measurement, forward, start
from mript_jax.physics.tasks import TASKS

TASK = TASKS[16]  # gaussian_2d x4
SIZE = 48


def complex_normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def make_batch(fields=("kspace", "sensitivities"), count: int = 3, task=TASK) -> dict:
    source = PhantomSource(seed=2, count=count, size=SIZE)
    make = ExampleMaker((SIZE, SIZE), 0, "zero_filled", fields)
    return stack([make(source[i], task, i) for i in range(count)])


def score(batch, image) -> float:
    target = batch["target"][..., 0]
    return float(np.mean(psnr(target, np.asarray(image)[..., 0], target.max(axis=(1, 2)))))


def multi_coil(rng: np.random.Generator, shape=(12, 10), coils=3) -> Measurement:
    mask = (rng.uniform(size=(2, *shape)) < 0.5).astype(np.float32)
    maps = np.stack([coil_sensitivities(coils, shape, rng) for _ in range(2)])
    image = complex_normal(rng, 2, *shape)
    return Measurement(*map(jnp.asarray, (forward(image, mask, maps), mask, maps)))


def test_differences_and_their_adjoint_belong_together():
    rng = np.random.default_rng(0)
    x, q = complex_normal(rng, 2, 7, 9), complex_normal(rng, 2, 2, 7, 9)
    left = np.vdot(q, differences(jnp.asarray(x)))
    right = np.vdot(differences_adjoint(jnp.asarray(q)), x)
    np.testing.assert_allclose(left, right, rtol=1e-5)


def test_the_wavelet_transform_is_orthogonal(shape=(16, 24)):
    rng = np.random.default_rng(0)
    x, y = (jnp.asarray(complex_normal(rng, 2, *shape)) for _ in range(2))
    forth, back = (jax.jit(partial(f, levels=3)) for f in (to_wavelets, from_wavelets))
    coefficients = forth(x)
    np.testing.assert_allclose(back(coefficients), x, atol=1e-5)
    np.testing.assert_allclose(np.vdot(coefficients, forth(y)), np.vdot(x, y), rtol=1e-4, atol=1e-3)


def test_linear_ramps_have_no_wavelet_details():
    ramp = jnp.broadcast_to(jnp.arange(32.0), (32, 32))
    details = to_wavelets(ramp, 1)[:16, 16:-1]  # the last one wraps around
    assert float(jnp.abs(details).max()) < 1e-4


def test_total_variation_converges_to_the_minimum():
    rng = np.random.default_rng(0)
    measured, weight = multi_coil(rng), jnp.full((2, 1, 1), 0.1)

    @jax.jit
    def objective(image):
        residual = forward(image, measured.mask, measured.sensitivities) - measured.kspace
        distance = 0.5 * jnp.sum(jnp.abs(residual) ** 2, axis=(1, 2, 3))
        size = jnp.sqrt(jnp.sum(jnp.abs(differences(image)) ** 2, axis=0))
        return distance + weight[:, 0, 0] * jnp.sum(size, axis=(1, 2))

    prox, memory = _total_variation_prox(measured, weight)
    after = {n: fista(measured, prox, memory, n) for n in (10, 300, 600)}
    assert (objective(after[300]) < objective(after[10])).all()
    np.testing.assert_allclose(objective(after[300]), objective(after[600]), rtol=1e-3)
    for _ in range(20):  # a minimum of a convex function: no step in any direction goes down
        step = 1e-2 * jnp.asarray(complex_normal(rng, 2, 12, 10))
        assert (objective(after[600] + step) > objective(after[600])).all()


def test_shrinking_takes_the_weight_off_magnitudes_and_spares_the_coarse_image():
    x = jnp.asarray([[3.0 + 4.0j, 0.5 + 0.0j], [-2.0 + 0.0j, 0.0 + 0.0j]])
    shrunk = shrink(x, 1.0, (slice(1), slice(1)))
    np.testing.assert_allclose(shrunk, [[3 + 4j, 0], [-1, 0]], atol=1e-6)


@pytest.mark.parametrize("method", (total_variation, wavelet))
def test_compressed_sensing_beats_the_zero_filled_image(method):
    batch = make_batch()
    gained = score(batch, method(batch, 0.005)) - score(batch, batch["zero_filled"])
    assert gained > 1.5


@pytest.mark.parametrize("method", (total_variation, wavelet))
def test_a_fully_sampled_image_with_hardly_any_weight_comes_back(method):
    batch = make_batch(("full_kspace", "sensitivities"))
    batch |= {"kspace": batch["full_kspace"], "mask": np.ones_like(batch["mask"])}
    image = method(batch, 1e-6)
    np.testing.assert_allclose(image, batch["target"], atol=1e-3)


def test_each_image_has_its_own_weight_and_does_not_depend_on_its_batch():
    batch = make_batch()
    weights = np.array([0.001, 0.01, 0.1], np.float32)
    together = total_variation(batch, weights)
    for i, weight in enumerate(weights):
        alone = {key: value[i : i + 1] for key, value in batch.items()}
        np.testing.assert_allclose(together[i : i + 1], total_variation(alone, weight), atol=1e-5)


def test_compressed_sensing_without_kspace_is_refused():
    with pytest.raises(UserError, match="no field 'kspace'"):
        total_variation(make_batch(fields=()), 0.005)


@pytest.mark.parametrize(
    ("name", "coils"),
    [
        ("total_variation", 6),
        ("wavelet", 1),
        pytest.param("total_variation", 1, marks=pytest.mark.slow),
        pytest.param("wavelet", 6, marks=pytest.mark.slow),
    ],
)
def test_measured_kspace_is_reconstructed_without_maps(tmp_path, name, coils):
    write_fastmri_h5(tmp_path / "v.h5", 5, 0, 2, 64, coils=coils)
    source = open_source("fastmri", str(tmp_path))
    ((batch, _),) = measured_batches(source, range(2), TASKS[1], 2, fields=("kspace",))
    image = WEIGHTED[name](batch, 0.005)
    assert image.shape == batch["zero_filled"].shape
    assert score(batch, image) > score(batch, batch["zero_filled"]) + 0.5


def test_the_best_weight_of_each_task_is_chosen_on_the_examples_that_count():
    def method(batch, weight):
        sizes.append(len(batch["target"]))
        weight = jnp.reshape(jnp.asarray(weight), (-1, 1, 1, 1))
        return batch["target"] * (1 + jnp.abs(weight - 0.01 * (1 + batch["level_index"][0])))

    sizes = []
    batches = {task: make_batch(count=2, task=task) for task in TASKS[:2]}
    for batch in batches.values():
        batch["weight"][1] = 0.0
        batch["target"][1] = 1e3
    weights = tune_weights(
        method, lambda task: [batches[task]], TASKS[:2], candidates=(0.005, 0.01, 0.02)
    )
    assert weights == {TASKS[0]: 0.01, TASKS[1]: 0.02}
    assert set(sizes) == {1}  # time is not spent on those that fill a batch up
    batch = batches[TASKS[1]]
    np.testing.assert_allclose(
        with_weights(method, weights)(batch, TASKS[1])[0], batch["target"][0]
    )


def test_one_coil_with_the_image_of_a_simulation_has_no_sensitivities():
    batch = make_batch()
    measured = measurement_of(batch)
    assert measured.kspace.shape == (3, 1, SIZE, SIZE)
    np.testing.assert_allclose(jnp.abs(start(*measured)), batch["zero_filled"][..., 0], atol=1e-5)
