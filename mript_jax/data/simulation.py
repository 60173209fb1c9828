"""A scan of an image: complex, multi-coil, noisy k-space, as a scanner would have measured it.

y = F S x + n: an object x with a realistic phase, coil sensitivity maps S, complex noise n. All is
drawn from one generator, so that the same generator gives the same scan.
"""

from typing import NamedTuple

import numpy as np

from mript_jax.data.coil_maps import correlated_mixing, draw_coils
from mript_jax.data.phantom.fields import Fields
from mript_jax.data.phase import draw_phase
from mript_jax.physics.fourier import fft2c, ifft2c

NOISE = (1e-4, 10**-1.6)  # standard deviations, of the image's maximum, drawn by their logarithm
NOISE_FREE = 0.1  # share of the scans that have none
EVALUATION_NOISE = 0.005  # of the protocol `measured`
SMALLEST = 1e-12  # maximum of an image that shows anything


class Scan(NamedTuple):
    kspace: np.ndarray  # [C, H, W] complex64, fully sampled, with noise
    clean_kspace: np.ndarray  # [C, H, W] complex64, without
    sensitivities: np.ndarray | None  # [C, H, W] complex64, their squares add up to 1
    reference: np.ndarray  # [H, W] float32, the coils' root sum of squares without noise; maximum 1
    noise_level: float  # standard deviation of the noise in the real and in the imaginary part


def simulate(
    image: np.ndarray,
    rng: np.random.Generator,
    coils: int = 1,
    noise: tuple[float, float] = NOISE,
    noise_free: float = NOISE_FREE,
    phase: float = 1.0,
    augment: bool = False,
) -> Scan:
    """Draw a scan of an image [H, W], a magnitude or complex with a phase of its own.

    Args:
        image: what is scanned; divided by its maximum.
        rng: where everything random comes from.
        coils: C. One coil has the map 1.
        noise: lowest and highest standard deviation of the noise in a coil's real and imaginary
            part, of the reference's maximum; drawn by its logarithm.
        noise_free: the share of scans without noise.
        phase: strength of the phase that a magnitude is given; 0: none.
        augment: whether to flip and turn the image, and to change contrast, shading and resolution.
    """
    image = _turned(image, rng) if augment else image
    magnitude = np.abs(image).astype(np.float32)
    magnitude = magnitude / max(float(magnitude.max()), SMALLEST)
    fields = Fields(image.shape, rng, 0.0)
    unit = image / np.maximum(np.abs(image), SMALLEST) if np.iscomplexobj(image) else 1.0
    if augment:
        magnitude = magnitude ** np.float32(np.exp(rng.uniform(-0.5, 0.5)))
        magnitude *= np.exp(rng.uniform(0.0, 0.3) * fields.draw(0.5, 1.5, 1.0))
    if not np.iscomplexobj(image):
        unit = np.exp(1j * draw_phase(magnitude, fields, phase * rng.uniform(0.5, 1.5)))
    maps, brightness = draw_coils(coils, image.shape, rng)
    if augment:
        magnitude *= brightness ** rng.uniform(0.0, 0.7)
    scanned = (magnitude * unit).astype(np.complex64)
    scanned = _blurred(scanned, rng) if augment and rng.uniform() < 0.25 else scanned
    scanned /= max(float(np.abs(scanned).max()), SMALLEST)
    clean = fft2c(maps * scanned)
    level = 0.0 if rng.uniform() < noise_free else np.exp(rng.uniform(*np.log(noise)))
    kspace = clean + _noise(clean.shape, level, rng) if level else clean
    return Scan(
        kspace, clean, sensitivities=maps, reference=np.abs(scanned), noise_level=float(level)
    )


def _noise(shape: tuple[int, ...], level: float, rng: np.random.Generator) -> np.ndarray:
    """[C, H, W] complex64, of this standard deviation in every coil's real and imaginary part."""
    parts = rng.standard_normal((*shape, 2), dtype=np.float32)
    parts *= np.float32(level)
    noise = parts.view(np.complex64)[..., 0]
    mixing = correlated_mixing(shape[0], rng)
    return noise if mixing is None else np.tensordot(mixing, noise, 1)


def _turned(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the eight ways to lay a square, or of the four to lay a rectangle."""
    rows, columns, across = rng.integers(2, size=3)
    image = image[:: 1 - 2 * rows, :: 1 - 2 * columns]
    return image.T if across and image.shape[0] == image.shape[1] else image


def _blurred(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As measured with fewer samples: k-space ends earlier, sharply or faded out."""
    squared = np.zeros((1, 1))
    for size, axis in zip(image.shape, (-1, 0), strict=True):
        place = np.abs(np.arange(size) - size // 2) / (size / 2 * rng.uniform(0.55, 1.0))
        squared = squared + np.expand_dims(place**2, axis)
    fade = rng.uniform(0.02, 0.5)
    window = np.clip((1.0 - np.sqrt(squared)) / fade + 0.5, 0.0, 1.0)
    return ifft2c(window.astype(np.float32) * fft2c(image))
