"""The linear model of a scan: forward and adjoint operators, and data consistency."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import coil_sensitivities
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.measurement import (
    Measurement,
    adjoint,
    forward,
    gradient,
    normal,
    solve,
    start,
    zero_filled_image,
)

SHAPE = (6, 5)


def complex_normal(*shape: int, seed: int = 0) -> np.ndarray:
    parts = np.random.default_rng(seed).standard_normal((2, *shape))
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def make_maps(coils: int, shape: tuple[int, int], seed: int = 5) -> np.ndarray:
    maps = complex_normal(coils, *shape, seed=seed)
    return maps / root_sum_of_squares(maps, axis=0)


def random_mask(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).uniform(size=shape) < 0.5).astype(np.float32)


def random_measurement(coils: int | None, batch: int = 2) -> Measurement:
    """A measurement of noise: no image explains all of it."""
    mask = random_mask(batch, *SHAPE)
    kspace = mask[:, None] * complex_normal(batch, coils or 1, *SHAPE, seed=1)
    maps = None if coils is None else np.stack([make_maps(coils, SHAPE, i) for i in range(batch)])
    return Measurement(kspace, mask, maps)


def dense(operator, shape: tuple[int, ...]) -> np.ndarray:
    """The matrix of a linear operator on images of one shape."""
    units = np.eye(int(np.prod(shape)), dtype=np.complex64).reshape(-1, *shape)
    return np.stack([np.ravel(operator(unit)) for unit in units], axis=1).astype(np.complex128)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    coils=st.one_of(st.none(), st.integers(1, 4)),
    batch=st.lists(st.integers(1, 3), max_size=2),
    lines=st.sampled_from(["points", "columns", "rows"]),
    seed=st.integers(0, 99),
)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_adjoint_is_that_of_forward_and_normal_is_their_product(shape, coils, batch, lines, seed):
    lined = {"points": shape, "columns": (1, shape[1]), "rows": (shape[0], 1)}[lines]
    mask = np.broadcast_to(random_mask(*lined, seed=seed), shape)
    maps = None if coils is None else make_maps(coils, shape, seed)
    x = complex_normal(*batch, *shape, seed=seed)
    y = complex_normal(*batch, coils or 1, *shape, seed=seed + 1)
    left, right = np.vdot(forward(x, mask, maps), y), np.vdot(x, adjoint(y, mask, maps))
    assert abs(left - right) <= 1e-5 * np.linalg.norm(x) * np.linalg.norm(y)
    both = adjoint(forward(x, mask, maps), mask, maps)
    np.testing.assert_allclose(normal(x, mask, maps), both, atol=1e-5)


def test_zero_filled_magnitude_matches_the_public_code(golden):
    z = golden("undersample_transform")
    image = zero_filled_image(z["in/image"], z["in/mask"])
    assert image.dtype == np.complex64
    np.testing.assert_allclose(np.abs(image), z["out/image_masked_magnitude"], atol=2e-5)


@pytest.mark.parametrize("shape", [(12, 10), (1, 10), (12, 1)])  # points, whole columns, whole rows
def test_zero_filled_image_is_the_inverse_fft_of_masked_kspace(shape):
    image = complex_normal(3, 12, 10)
    mask = np.broadcast_to(np.random.default_rng(0).random(shape) > 0.6, (12, 10))
    expected = ifft2c(mask * fft2c(image))
    np.testing.assert_allclose(zero_filled_image(image, mask), expected, atol=1e-6)


def test_zero_filled_image_is_a_projection():
    mask = random_mask(12, 10)
    once = zero_filled_image(complex_normal(12, 10), mask)
    np.testing.assert_allclose(zero_filled_image(once, mask), once, atol=1e-5)


def test_start_combines_coils_with_maps_and_by_root_sum_of_squares_without():
    kspace, mask, maps = random_measurement(3)
    images = ifft2c(kspace)
    combined = np.sum(np.conj(maps) * images, axis=1)
    np.testing.assert_allclose(start(kspace, mask, maps), combined, atol=1e-5)
    size = np.sqrt(np.sum(np.abs(images) ** 2, axis=1))
    np.testing.assert_allclose(start(kspace, mask), size, atol=1e-5)
    np.testing.assert_allclose(start(kspace[:, :1], mask), images[:, 0], atol=1e-5)


def test_adjoint_of_several_coils_without_maps_is_an_error():
    kspace, mask, _ = random_measurement(3)
    with pytest.raises(ValueError, match="squeeze"):
        adjoint(kspace, mask)


@pytest.mark.parametrize("coils", (None, 3))
def test_gradient_matches_autodiff_of_half_the_squared_distance(coils):
    kspace, mask, maps = measured = jax.tree.map(jnp.asarray, random_measurement(coils))
    image = complex_normal(2, *SHAPE)

    def distance(parts):
        return 0.5 * jnp.sum(jnp.abs(forward(jax.lax.complex(*parts), mask, maps) - kspace) ** 2)

    by_autodiff = jax.lax.complex(*jax.jit(jax.grad(distance))((image.real, image.imag)))
    np.testing.assert_allclose(gradient(jnp.asarray(image), *measured), by_autodiff, atol=1e-5)


@pytest.mark.parametrize("kind", ("number", "per example", "map", "samples of unequal weight"))
@pytest.mark.parametrize("coils", (None, 1, 3))
def test_solution_matches_the_dense_system(coils, kind):
    kspace, mask, maps = random_measurement(coils)
    rng = np.random.default_rng(3)
    if kind == "samples of unequal weight":
        mask = mask * rng.uniform(0.5, 2, mask.shape).astype(np.float32)
    weight = {"number": 0.3, "map": rng.uniform(0.1, 1, mask.shape).astype(np.float32)}.get(
        kind, np.float32([0.1, 1])
    )
    near = complex_normal(2, *SHAPE, seed=4)
    found = solve(near, weight, kspace, mask, maps, steps=40)
    F = dense(fft2c, SHAPE)
    spread = np.broadcast_to(
        weight if kind == "map" else np.reshape(weight, (-1, 1, 1)), mask.shape
    )
    for b in range(2):
        S = None if maps is None else maps[b]
        A = dense(lambda x, S=S: forward(x, np.ones(SHAPE, np.float32), S), SHAPE)
        M = np.tile(mask[b].ravel(), coils or 1)
        pull = F.conj().T @ (spread[b].ravel()[:, None] * F)
        right = A.conj().T @ (M * kspace[b].ravel()) + pull @ near[b].ravel()
        expected = np.linalg.solve(A.conj().T @ (M[:, None] * A) + pull, right)
        np.testing.assert_allclose(found[b].ravel(), expected, atol=1e-4)


def test_weight_of_zero_keeps_measured_samples_and_the_rest_of_the_estimate():
    mask = random_mask(12, 10)
    image, estimate = complex_normal(12, 10, seed=1), complex_normal(12, 10, seed=2)
    result = fft2c(solve(estimate, 0.0, forward(image, mask), mask))
    np.testing.assert_allclose(mask * result, mask * fft2c(image), atol=1e-5)
    np.testing.assert_allclose((1 - mask) * result, (1 - mask) * fft2c(estimate), atol=1e-5)


def test_weight_of_zero_agrees_with_the_samples_of_all_coils():
    mask, maps = random_mask(12, 10), make_maps(3, (12, 10))
    kspace = forward(complex_normal(12, 10, seed=1), mask, maps)
    result = solve(complex_normal(12, 10, seed=2), 0.0, kspace, mask, maps, steps=200)
    np.testing.assert_allclose(forward(result, mask, maps), kspace, atol=1e-3)


def test_solution_of_an_example_does_not_depend_on_its_batch():
    measured, near = random_measurement(3), complex_normal(2, *SHAPE, seed=4)
    measured.kspace[1] *= 1e4
    weight = np.float32([0.1, 0.5])
    together = solve(near, weight, *measured)
    for b in range(2):
        alone = solve(near[b], weight[b], *(part[b] for part in measured))
        np.testing.assert_allclose(together[b], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("coils", (None, 3))
def test_operators_agree_between_numpy_and_jax_under_jit_and_vmap(coils):
    measured, near = random_measurement(coils), complex_normal(2, *SHAPE, seed=4)
    kspace, mask, maps = measured
    theirs = jax.tree.map(jnp.asarray, measured)
    for function, argument in (
        (forward, near),
        (normal, near),
        (adjoint, kspace),
        (start, kspace),
    ):
        ours = function(argument, mask, maps)
        assert ours.dtype == np.complex64
        np.testing.assert_allclose(
            function(jnp.asarray(argument), *theirs[1:]), ours, atol=1e-5, err_msg=function.__name__
        )
    weight = np.float32([0.1, 1])
    ours = solve(near, weight, *measured)
    assert ours.dtype == np.complex64 and isinstance(ours, np.ndarray)
    for transformed in (solve, jax.jit(solve), jax.vmap(solve)):
        np.testing.assert_allclose(transformed(near, weight, *theirs), ours, atol=1e-4)
    np.testing.assert_allclose(
        gradient(jnp.asarray(near), *theirs), gradient(near, *measured), atol=1e-5
    )


def loss_of_solution(near, weight, maps, kspace, mask, steps):
    near, maps = near[0] + 1j * near[1], maps[0] + 1j * maps[1]  # double precision for NumPy
    image = solve(near, weight, kspace, mask, maps, steps) - 0.1
    return (image.real**2 + image.imag**2).sum()


derivative_of_solution = jax.jit(jax.grad(loss_of_solution, (0, 1, 2)), static_argnums=5)


def test_derivative_of_few_steps_matches_finite_differences():
    kspace, mask, maps = random_measurement(3)
    near, weight = complex_normal(2, *SHAPE, seed=4), np.float32([0.05, 0.2])
    point = ((near.real, near.imag), weight, (maps.real, maps.imag))
    found = derivative_of_solution(*point, kspace, mask, 3)
    rng = np.random.default_rng(6)
    for i in range(3):  # along `near`, the weights, the maps
        leaves, tree = jax.tree.flatten(point[i])
        step = [1e-4 * rng.standard_normal(leaf.shape) for leaf in leaves]
        losses = []
        for sign in (1, -1):
            moved = [leaf + sign * s for leaf, s in zip(leaves, step, strict=True)]
            there = (*point[:i], jax.tree.unflatten(tree, moved), *point[i + 1 :])
            losses.append(loss_of_solution(*there, kspace, mask, 3))
        slope = sum(np.vdot(a, b) for a, b in zip(jax.tree.leaves(found[i]), step, strict=True))
        np.testing.assert_allclose(losses[0] - losses[1], 2 * slope, rtol=1e-3)


@pytest.mark.parametrize("scale", (0.0, 1e-6, 1.0))  # 0: a padded example
@pytest.mark.parametrize("steps", (1, 6, 30))
def test_derivative_is_finite_after_convergence(steps, scale):
    image = scale * complex_normal(2, *SHAPE)
    maps, mask = make_maps(3, SHAPE)[None], np.ones((1, *SHAPE), np.float32)  # solved in one step
    kspace = jnp.asarray(forward(image, mask, maps))
    for near in (image, image * 0, image + complex_normal(2, *SHAPE, seed=1)):
        arguments = ((near.real, near.imag), np.float32([0.1, 0]), (maps.real, maps.imag))
        found = derivative_of_solution(*arguments, kspace, mask, steps)
        assert all(np.isfinite(part).all() for part in jax.tree.leaves(found))


def test_weight_may_be_a_number_where_the_mask_is_traced():
    kspace, mask, _ = random_measurement(1)
    near = complex_normal(2, *SHAPE, seed=4)
    traced = jax.jit(lambda mask: solve(near, 0.05, kspace, mask))(mask)
    np.testing.assert_allclose(traced, solve(near, 0.05, kspace, mask), atol=1e-5)


@pytest.mark.parametrize("weight", (0.0, 1e-38, 1e-25, 1e-12, 0.1))
@pytest.mark.parametrize("as_map", (False, True))
def test_derivative_is_finite_for_any_weight(weight, as_map):
    kspace, mask, _ = random_measurement(1)
    assert 0 < mask.mean() < 1  # some of k-space was measured, some was not
    weights = jnp.full((2, *SHAPE) if as_map else (2,), weight, jnp.float32)

    def loss(near, weights):
        image = solve(near[0] + 1j * near[1], weights, kspace, mask)
        return jnp.sum(jnp.abs(image - 0.1) ** 2)

    value, found = jax.value_and_grad(loss, (0, 1))(jnp.ones((2, 2, *SHAPE)), weights)
    assert all(np.isfinite(part).all() for part in jax.tree.leaves((value, found)))


@pytest.mark.parametrize("coils", (1, 8))
@pytest.mark.parametrize(
    "pattern",
    [
        *("cartesian_random", "gaussian_2d"),
        pytest.param("cartesian_equispaced", marks=pytest.mark.slow),
        pytest.param("gaussian_1d", marks=pytest.mark.slow),
    ],
)
def test_perfect_estimate_stays_above_60_db(pattern, coils):
    shape = (64, 48)
    image = make_slice(1, 3, shape).image
    maps = None
    if coils > 1:
        maps = coil_sensitivities(coils, shape, np.random.default_rng(0))
    for acceleration, center in ((4, 0.08), (8, 0.04)):
        mask = sample_mask(pattern, shape, acceleration, center, 0)
        kspace = forward(image, mask, maps)
        for weight in (0.0, 0.01, 1.0):
            for found in (
                solve(image, weight, kspace, mask, maps),
                solve(*map(jnp.asarray, (image, weight, kspace, mask)), maps),
            ):
                error = np.mean(np.abs(found - image) ** 2)
                assert error < 1e-6 * np.abs(image).max() ** 2


def test_solution_converges_with_more_steps():
    shape = (64, 48)
    reference = make_slice(1, 3, shape).image
    maps = coil_sensitivities(8, shape, np.random.default_rng(0))
    mask = sample_mask("cartesian_equispaced", shape, 4, 0.08, 0)
    measured = Measurement(forward(reference, mask, maps), mask, maps)
    first = start(*measured)
    found = [solve(first, 0.05, *measured, steps=steps) for steps in (0, 2, 4, 8, 40)]
    errors = [np.linalg.norm(image - found[-1]) for image in found]
    assert all(after < 0.5 * before for before, after in itertools.pairwise(errors)), errors
