"""Generated objects to train on instead of scans: the i-th one is determined by (seed, i).

Regions of some shape get a brightness, a slope and a texture each, as if they were tissues.
"""

import numpy as np

from mript_jax.data.generated.shapes import SHAPES
from mript_jax.data.phantom.fields import Fields
from mript_jax.data.phantom.slices import make_slice

KINDS = (*SHAPES, "textures", "phantoms")
FINER = 2  # shapes are drawn on a grid so much finer, so that edges are soft
BLUR = 0.2, 1.0  # pixels: standard deviation of the point spread of a scanner, of half the objects
STREAM = 3  # of random numbers, beside those of the phantoms


def make_object(
    seed: int, index: int, shape: tuple[int, int], kinds: tuple[str, ...] = KINDS
) -> np.ndarray:
    """A magnitude image [H, W] float32 of maximum 1."""
    rng = np.random.default_rng([seed, index, STREAM])
    kind = kinds[rng.integers(len(kinds))]
    if kind == "phantoms":
        image = _phantom(rng, shape)
    elif kind == "textures":
        image = _texture(Fields(shape, rng, 0.0))
    else:
        fine = SHAPES[kind]((FINER * shape[0], FINER * shape[1]), rng)
        image = _paint(fine, rng)
        image = image.reshape(shape[0], FINER, shape[1], FINER).mean(axis=(1, 3))
    if kind != "phantoms" and rng.uniform() < 0.6:  # an object in air, as scans show
        image *= _outline(Fields(shape, rng, 0.0))
    if rng.uniform() < 0.5:
        image = _blur(image, rng.uniform(*BLUR))
    return (image / max(float(image.max()), 1e-6)).astype(np.float32)


def _phantom(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A slice of anatomy: as scanned, or with brightnesses that no contrast gives its tissues."""
    made = make_slice(int(rng.integers(2**31)), 0, shape)
    magnitude = np.abs(made.image)
    if rng.uniform() < 0.5:
        return magnitude
    shades = np.append(0.0, rng.uniform(0.0, 1.0, int(made.labels.max())))[made.labels]
    usual = np.bincount(made.labels.ravel(), magnitude.ravel()) / np.maximum(
        np.bincount(made.labels.ravel()), 1
    )
    return shades * magnitude / np.maximum(usual[made.labels], 0.02)


def _paint(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness of labeled regions, each with a slope and a texture of its own strength."""
    fields = Fields(labels.shape, rng, 0.0)
    count = int(labels.max()) + 1
    shade = rng.uniform(0.0, 1.0, count) ** rng.uniform(0.5, 2.0)
    if rng.uniform() < 0.5:  # as soft tissues, whose brightnesses differ little
        middle, contrast = rng.uniform(0.2, 0.9), np.exp(rng.uniform(np.log(0.1), 0.0))
        shade = middle + contrast * (shade - middle)
    if rng.uniform() < 0.5:
        shade[0] = 0.0
    slopes = rng.normal(0.0, 0.15, (2, count))
    textured = rng.exponential(rng.uniform(0.0, 0.15), count)
    image = shade[labels] * (
        1.0 + slopes[0][labels] * fields.x + slopes[1][labels] * fields.y
        + textured[labels] * _spectrum(fields)
    )  # fmt: skip
    return np.clip(image, 0.0, None)


def _texture(fields: Fields) -> np.ndarray:
    """A random field, some of it above a threshold only."""
    field = _spectrum(fields)
    if fields.rng.uniform() < 0.5:
        field = np.where(field > fields.rng.uniform(-0.5, 0.5), field, 0.3 * _spectrum(fields))
    return field - field.min()


def _spectrum(fields: Fields) -> np.ndarray:
    """A field whose amplitudes fall as some power of the frequency."""
    low = fields.rng.uniform(0.5, 4.0)
    return fields.draw(low, low + fields.rng.uniform(4.0, 40.0), fields.rng.uniform(0.2, 1.6))


def _blur(image: np.ndarray, width: float) -> np.ndarray:
    """The image through a Gaussian point spread of this width in pixels."""
    y, x = np.fft.fftfreq(image.shape[0]), np.fft.rfftfreq(image.shape[1])
    passed = np.exp(-2.0 * (np.pi * width) ** 2 * (y[:, None] ** 2 + x**2))
    blurred = np.fft.irfft2(passed * np.fft.rfft2(image), image.shape)
    return np.clip(blurred, 0.0, None)


def _outline(fields: Fields) -> np.ndarray:
    """1 in a warped ellipse, 0 in the air around it."""
    rng = fields.rng
    radii, center = rng.uniform(0.6, 0.98, 2), rng.normal(0.0, 0.04, 2)
    radius = np.hypot((fields.x - center[0]) / radii[0], (fields.y - center[1]) / radii[1])
    inside = 1.0 - radius + rng.uniform(0.0, 0.1) * fields.draw(0.5, 4.0, 1.0)
    return np.clip(inside / fields.pixel * radii.mean() + 0.5, 0.0, 1.0)
