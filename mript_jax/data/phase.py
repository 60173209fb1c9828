"""Phase as scanners measure it, drawn for a magnitude image."""

import functools

import numpy as np
import scipy.fft
import scipy.ndimage

from mript_jax.data.phantom.fields import Fields

AIR = 0.05  # of the maximum: below it there is no signal, and so mostly air or bone
SOFTNESS = 0.04  # of the step between air and tissue


def draw_phase(magnitude: np.ndarray, fields: Fields, strength: float = 1.0) -> np.ndarray:
    """Radians, [H, W] float32: smooth, with steps where tissues meet and ramps around air.

    The sum of a constant; a ramp, since no echo is exactly in the center of k-space; a smooth
    background of the main field and the coils; the field that the susceptibility of tissue beside
    air makes; an offset of all tissues of similar brightness (fat among water); fine structure.
    `strength` multiplies all but the constant.
    """
    rng = fields.rng
    brightness = magnitude / max(float(magnitude.max()), 1e-12)
    shift = rng.normal(0.0, 0.5, 2)  # of the echo, in samples
    phase = np.pi * (shift[0] * fields.y + shift[1] * fields.x)
    phase = phase + rng.uniform(0.5, 3.0) * fields.draw(0.5, 1.5, 1.0)
    phase += rng.uniform(0.0, 0.6) * fields.draw(1.5, 4.0, 1.0)
    tissue = np.clip((brightness - AIR) / SOFTNESS + 0.5, 0.0, 1.0)
    phase += rng.normal(0.0, 3.0) * _dipole_field(tissue, rng)
    smooth = scipy.ndimage.uniform_filter(brightness, 3)  # else texture would become steps
    middle, width = rng.uniform(0.1, 1.0), rng.uniform(0.05, 0.3)
    alike = np.clip(1.5 - np.abs(smooth - middle) / width, 0.0, 1.0)
    phase += rng.normal(0.0, 1.0) * alike
    phase += rng.uniform(0.0, 0.1) * fields.draw(4.0, 16.0, 0.5)
    return (rng.uniform(-np.pi, np.pi) + strength * phase).astype(np.float32)


def _dipole_field(tissue: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The main field's change by the susceptibility of `tissue`, the same along the third axis."""
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    spectrum = scipy.fft.rfft2(tissue.astype(np.float32))
    yy, yx, xx = _directions(tissue.shape)
    b = direction.astype(np.float32)
    along = b[0] ** 2 * yy + 2 * b[0] * b[1] * yx + b[1] ** 2 * xx  # (k . b)^2 / k^2
    kernel = np.float32(1 / 3) - along
    kernel[0, 0] = 0.0
    return scipy.fft.irfft2(spectrum * kernel, tissue.shape)


@functools.lru_cache(maxsize=16)
def _directions(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The products of the components of k / |k|, for a real Fourier transform."""
    y = np.fft.fftfreq(shape[0])[:, None] * np.ones(shape[1] // 2 + 1)
    x = np.fft.rfftfreq(shape[1]) * np.ones((shape[0], 1))
    squared = np.maximum(y**2 + x**2, 1e-12)
    yy, yx, xx = ((p / squared).astype(np.float32) for p in (y * y, y * x, x * x))
    return yy, yx, xx
