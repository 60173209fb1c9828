"""The linear model of a scan, y = M F S x, for one or many coils, NumPy or JAX arrays alike.

x is an image [..., H, W]; S are coil sensitivity maps [..., C, H, W], or None for one coil, where
S = 1 and C = 1; F is the centered, orthonormal Fourier transform; M is an undersampling mask
[..., H, W]; y is k-space [..., C, H, W]. Leading axes broadcast. k-space, mask and maps come last
among the arguments, in the order of `Measurement`: `gradient(image, *measured)`.
"""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.physics.coils import combine, expand, root_sum_of_squares
from mript_jax.physics.fourier import AXES, Array, fft2c, ifft2c, library, orthonormal_fft

STEPS = 6  # of conjugate gradients, enough inside an unrolled network
SOLVED = 1e-6  # relative residual at float32 precision: further steps change nothing
SMALLEST = 1e-18  # denominator whose square, in the derivative, float32 still represents


class Measurement(NamedTuple, Generic[Array]):
    """The acquired data of a scan and its linear model."""

    kspace: Array  # [..., C, H, W] complex
    mask: Array  # [..., H, W]
    sensitivities: Array | None = None  # [..., C, H, W] complex, their squares add up to 1


def forward(image: Array, mask: Array, sensitivities: Array | None = None) -> Array:
    """M F S x: [..., H, W] -> [..., C, H, W]."""
    return _coils(mask) * fft2c(expand(image, sensitivities))


def adjoint(kspace: Array, mask: Array, sensitivities: Array | None = None) -> Array:
    """S* F* M y: [..., C, H, W] -> [..., H, W], the sum over coils of conj(S) ifft(mask y)."""
    return combine(ifft2c(_coils(mask) * kspace), sensitivities)


def normal(image: Array, mask: Array, sensitivities: Array | None = None) -> Array:
    """S* F* M F S x: [..., H, W] -> [..., H, W]."""
    if sensitivities is None:
        return zero_filled_image(image, mask)
    return combine(zero_filled_image(expand(image, sensitivities), _coils(mask)), sensitivities)


def zero_filled_image(image: Array, mask: Array) -> Array:
    """F* M F x, the retrospectively undersampled image: complex [..., H, W]."""
    mask, axes = _needed(mask)  # the image need not be centered: its shifts there and back cancel
    mask = library(image).ifftshift(mask, axes=axes)
    return orthonormal_fft(mask * orthonormal_fft(image, axes), axes, inverse=True)


def start(kspace: Array, mask: Array, sensitivities: Array | None = None) -> Array:
    """The zero-filled, coil-combined image [..., H, W].

    It is complex; for several coils without maps it is their root-sum-of-squares, which is real.
    """
    if sensitivities is None and kspace.shape[-3] > 1:
        return root_sum_of_squares(ifft2c(_coils(mask) * kspace), axis=-3)
    return adjoint(kspace, mask, sensitivities)


def gradient(image: Array, kspace: Array, mask: Array, sensitivities: Array | None = None) -> Array:
    """S* F* M (F S x - y), the gradient of half the squared distance to k-space: [..., H, W]."""
    return adjoint(fft2c(expand(image, sensitivities)) - kspace, mask, sensitivities)


def residual(image: Array, kspace: Array, mask: Array, sensitivities: Array | None = None) -> Array:
    """||M F S x - y|| / ||y|| over the measured samples of all coils: [...], 0 where y is 0."""
    measured = _coils(mask) * kspace
    error = forward(image, mask, sensitivities) - measured
    of_error, of_all = ((a.real**2 + a.imag**2).sum(axis=(-3, -2, -1)) for a in (error, measured))
    return _ratio(of_error, of_all) ** 0.5


def solve(
    near: Array,
    weight: Array | float,
    kspace: Array,
    mask: Array,
    sensitivities: Array | None = None,
    steps: int = STEPS,
) -> Array:
    """Data consistency: argmin_x sum of M |F S x - y|^2 + weight |x - near|^2, [..., H, W].

    `weight` is a number, one for each example [...], or a map over the k-space of x [..., H, W],
    where the second term is the sum of weight |F (x - near)|^2. Noise of variance s^2 in k-space
    and errors of variance t^2 in `near` make it s^2 / t^2. A weight of 0 is hard data consistency.
    `mask` may hold any weights W^2 >= 0 of the measured samples instead of 1.

    One coil has a closed form. Several coils take `steps` steps of conjugate gradients from `near`,
    and derivatives go through all steps.
    """
    is_jax = isinstance(weight, jax.Array)
    pulls: Any = weight if is_jax else np.asarray(weight, near.real.dtype)
    is_map = pulls.ndim == near.ndim
    assert is_map or pulls.ndim in (0, near.ndim - 2), (pulls.shape, near.shape)
    if pulls.ndim and not is_map:
        pulls = pulls[..., None, None]
    if sensitivities is None:
        # The share is 0 where nothing was measured. The derivative of 0 / weight would be NaN for
        # weights below 1e-19, which networks learn for scans without noise.
        share = _ratio(mask, (mask > 0) * (mask + pulls))
        return near + ifft2c(share * (kspace.squeeze(axis=-3) - fft2c(near)))

    def system(x: Array) -> Array:
        pull = zero_filled_image(x, pulls) if is_map else pulls * x
        return normal(x, mask, sensitivities) + pull

    downhill = -gradient(near, kspace, mask, sensitivities)
    return near + _conjugate_gradients(system, downhill, steps)


def _conjugate_gradients(operator: Callable[[Array], Array], right: Array, steps: int) -> Array:
    """Solve operator(x) = right from x = 0, for each image by itself; a solved image stays.

    Derivatives are those of the steps. Implicit ones (the same system, solved in the backward pass)
    take three quarters of the time and memory, but they are those of the exact solution, which a
    few steps with a small weight do not reach: after 6 steps with weights of 0.05, 0.01 and 0.001
    (8 coils, 4x) their cosine to the true derivative by `near` is 0.999, 0.86 and 0.18, their norm
    up to 4 times as much.
    """
    size = _dot(right, right) ** 0.5
    if isinstance(right, jax.Array):  # the result does not depend on it: no derivative
        size = jax.lax.stop_gradient(size)
    right = right * _ratio(1, size)

    def step(_: int, state: tuple[Array, ...]) -> tuple[Array, ...]:
        x, residual, direction, energy = state
        applied = operator(direction)
        length = _ratio((energy > SOLVED**2) * energy, _dot(direction, applied), SMALLEST)
        x, residual = x + length * direction, residual - length * applied
        energy, before = _dot(residual, residual), energy
        return x, residual, residual + _ratio(energy, before, SOLVED**2) * direction, energy

    state: tuple[Array, ...] = (right * 0, right, right, _dot(right, right))
    if isinstance(right, jax.Array):
        return size * jax.lax.fori_loop(0, steps, step, state)[0]
    for i in range(steps):
        state = step(i, state)
    return size * state[0]


def _dot(a: Array, b: Array) -> Array:
    return (a.real * b.real + a.imag * b.imag).sum(axis=AXES, keepdims=True)


def _ratio(a: Array | int, b: Array, least: float = 0.0) -> Array:
    """a / b, but 0 where b is `least` or below, and so is its derivative."""
    xp = jnp if isinstance(b, jax.Array) else np
    return xp.where(b > least, a / xp.where(b > least, b, 1), 0)


def _coils(mask: Array) -> Array:
    return mask[..., None, :, :]


def _needed(mask: Array) -> tuple[Array, tuple[int, ...]]:
    """One line of a mask of whole columns or rows, and the axes along which it undersamples."""
    if isinstance(mask, np.ndarray):
        columns, rows = mask[..., :1, :], mask[..., :1]
        if (mask == columns).all():
            return columns, (-1,)
        if (mask == rows).all():
            return rows, (-2,)
    return mask, AXES
