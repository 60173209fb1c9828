"""Receive coils drawn at random: where they stand, how far and in which phase they see."""

import functools

import numpy as np
from scipy.interpolate import CubicSpline

from mript_jax.physics.coils import root_sum_of_squares

COARSE = 24  # maps are smooth: they are computed on so many points a side, and interpolated


def draw_coils(
    coils: int, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity maps [C, H, W] complex64, their squares adding up to 1, and brightness [H, W].

    The brightness, at most 1, is the root sum of squares that the coils had: it falls with the
    distance to them. One coil is the plain map 1 (its phase is the image's) with its brightness.
    """
    raw = _interpolate(_loops(coils, rng), shape)  # [C, H, W]
    size = root_sum_of_squares(raw, axis=0)
    brightness = size / size.max()
    if coils == 1:
        return np.ones((1, *shape), np.complex64), brightness
    return raw / size, brightness


def correlated_mixing(coils: int, rng: np.random.Generator) -> np.ndarray | None:
    """[C, C]: white noise to that of coupled coils, each with a variance of 1; None: stays white.

    Half of the draws are white, as after prewhitening.
    """
    coupling = rng.uniform(0.0, 0.5)
    if coils == 1 or rng.uniform() < 0.5:
        return None
    parts = rng.standard_normal((2, coils, coils), dtype=np.float32)
    mixing = np.eye(coils) + coupling / np.sqrt(2 * coils) * (parts[0] + 1j * parts[1])
    return (mixing / np.linalg.norm(mixing, axis=1, keepdims=True)).astype(np.complex64)


def _loops(coils: int, rng: np.random.Generator) -> np.ndarray:
    """Sensitivities of loops around or beside the object, on the coarse grid [C, n, n]."""
    x = np.linspace(-1, 1, COARSE)
    points = x + 1j * x[:, None]
    around = rng.uniform() < 0.6  # else an array on one side, as for spine, knee or heart
    span = 2 * np.pi if around else rng.uniform(0.4, 1.2) * np.pi
    rows = rng.integers(1, 1 + min(4, max(1, coils // 4)))  # of loops, along the third axis
    places = np.arange(coils) // rows + rng.uniform(-0.2, 0.2, coils)
    angle = rng.uniform(0, 2 * np.pi) + span * places / np.ceil(coils / rows)
    outward = np.exp(1j * angle)
    radii, center = rng.uniform(1.0, 1.6, 2), rng.normal(0, 0.1, 2)
    place = center @ (1, 1j) + radii[0] * outward.real + 1j * radii[1] * outward.imag
    height = 0.6 * (np.arange(coils) % rows - (rows - 1) / 2) + rng.normal(0, 0.1, coils)
    size, fall = rng.uniform(0.3, 1.0), rng.uniform(1.5, 3.5)
    # Seen from the loop: the real part is the depth, as if the loop stood `size` further out.
    seen = (place[:, None, None] - points) * outward.conj()[:, None, None]
    seen = np.maximum(seen.real, -size / 2) + size + 1j * rng.uniform(0.7, 1.4) * seen.imag
    distance = np.sqrt(np.abs(seen) ** 2 + height[:, None, None] ** 2)
    phase = rng.uniform(0, 2 * np.pi, (coils, 1, 1)) + rng.uniform(-2, 2) * np.angle(seen)
    own = _gentle(2 * coils, rng).reshape(2, coils, COARSE, COARSE)  # no two loops are alike
    gain = np.exp(0.2 * rng.standard_normal((coils, 1, 1)) + 0.15 * own[0])
    return gain * distance**-fall * np.exp(1j * (phase + 0.4 * own[1]))


def _gentle(count: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth fields [count, n, n] of about unit variance: three cosines along each axis."""
    waves = np.cos(np.pi * np.outer((np.arange(COARSE) + 0.5) / COARSE, np.arange(3)))
    return waves @ (rng.standard_normal((count, 3, 3)) / 1.5) @ waves.T


def _interpolate(coarse: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = (_spline(n) for n in shape)
    return rows @ coarse.astype(np.complex64) @ columns.T


@functools.lru_cache(maxsize=16)
def _spline(size: int) -> np.ndarray:
    """[size, n]: cubic interpolation from the coarse grid to the centers of `size` pixels."""
    spline = CubicSpline(np.linspace(-1, 1, COARSE), np.eye(COARSE))
    return spline((np.arange(size) + 0.5) * 2 / size - 1).astype(np.complex64)
