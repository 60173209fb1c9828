"""Smooth random fields over [-1, 1] x [-1, 1]: random cosine series, the same at any resolution.

A field also varies smoothly along z, so that neighbouring slices belong together.
"""

import functools

import numpy as np


class Fields:
    """A grid of a size, and a generator from which random fields are drawn in order."""

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator, z: float):
        self.shape = shape
        self.rng = rng
        self.z = z
        self.pixel = 2.0 / max(shape)
        y, x = ((np.arange(n, dtype=np.float32) + 0.5) * 2 / n - 1 for n in shape)
        self.x, self.y = np.broadcast_to(x, shape), np.broadcast_to(y[:, None], shape)

    def draw(self, low: float, high: float, slope: float = 0.0) -> np.ndarray:
        """A field of unit variance whose frequencies lie in a band (cycles per half width).

        Amplitudes fall as frequency to the power -slope.
        """
        count = int(np.ceil(2 * high)) + 1
        here, there = self.rng.standard_normal((2, count, count), dtype=np.float32)
        angle = 1.3 * self.z
        coefficients = np.cos(angle) * here + np.sin(angle) * there
        coefficients = coefficients * _band(count, low, high, slope)
        rows, columns = (_cosines(n, count) for n in self.shape)
        return rows @ coefficients @ columns.T


@functools.lru_cache(maxsize=64)
def _cosines(size: int, count: int) -> np.ndarray:
    """[size, count]: cosines of 0, 1/2, 1 ... cycles per half width."""
    position = (np.arange(size) + 0.5) / size
    return np.cos(np.pi * np.outer(position, np.arange(count))).astype(np.float32)


@functools.lru_cache(maxsize=64)
def _band(count: int, low: float, high: float, slope: float) -> np.ndarray:
    k = np.arange(count) / 2
    frequency = np.hypot(k[:, None], k[None, :])
    inside = (frequency >= low) & (frequency <= high)
    amplitude = np.where(inside, np.maximum(frequency, 0.5) ** -slope, 0.0)
    power = np.where(np.arange(count) > 0, 0.5, 1.0)  # mean square of a cosine
    energy = np.sum(amplitude**2 * power[:, None] * power[None, :])
    return (amplitude / np.sqrt(energy)).astype(np.float32)
