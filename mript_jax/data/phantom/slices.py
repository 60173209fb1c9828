"""A slice of generated anatomy: the i-th one is determined by (seed, i), at any size."""

import dataclasses
from typing import Any

import numpy as np

from mript_jax.data.phantom.abdomen import CONTRASTS as ABDOMEN_CONTRASTS
from mript_jax.data.phantom.abdomen import paint_abdomen
from mript_jax.data.phantom.canvas import Canvas
from mript_jax.data.phantom.fields import Fields
from mript_jax.data.phantom.head import CONTRASTS as HEAD_CONTRASTS
from mript_jax.data.phantom.head import paint_head
from mript_jax.data.phantom.knee import CONTRASTS as KNEE_CONTRASTS
from mript_jax.data.phantom.knee import paint_knee
from mript_jax.data.phantom.signal import SEQUENCES, draw_contrast
from mript_jax.data.phantom.tissues import TISSUES
from mript_jax.data.phase import draw_phase

ANATOMIES = {  # name: how it is painted, and the contrasts it is scanned with
    "head": (paint_head, HEAD_CONTRASTS),
    "knee": (paint_knee, KNEE_CONTRASTS),
    "abdomen": (paint_abdomen, ABDOMEN_CONTRASTS),
}
NOISE = (0.002, 0.010)  # standard deviation, of the maximum


@dataclasses.dataclass(frozen=True)
class Slice:
    image: np.ndarray  # [H, W] complex64, with phase, before noise; maximum magnitude 1
    labels: np.ndarray  # [H, W] uint8, see tissues.py
    noise: float  # standard deviation that a scan of this subject has
    attributes: dict[str, Any]  # anatomy, contrast, sequence and its parameters


def make_slice(
    seed: int,
    index: int,
    shape: tuple[int, int],
    anatomies: tuple[str, ...] = tuple(ANATOMIES),
    z: float | None = None,
) -> Slice:
    """Slice `z` (-1 to 1; None: one of its own) of subject `index`."""
    rng = np.random.default_rng([seed, index])
    anatomy = anatomies[rng.integers(len(anatomies))]
    paint, contrasts = ANATOMIES[anatomy]
    contrast = contrasts[rng.integers(len(contrasts))]
    sequence, parameters = draw_contrast(contrast, rng)
    signals = {}
    for name, tissue in TISSUES.items():
        t1, t2, density = rng.normal(1.0, (0.06, 0.06, 0.03))
        varied = tissue._replace(
            t1=t1 * tissue.t1, t2=t2 * tissue.t2, density=density * tissue.density
        )
        signals[name] = float(SEQUENCES[sequence](varied, **parameters))
    noise = float(rng.uniform(*NOISE))
    own_z = float(rng.uniform(-0.8, 0.8))
    fields = Fields(shape, rng, own_z if z is None else z)
    canvas = Canvas(fields, signals)
    paint(canvas)
    bias = np.exp(0.18 * fields.draw(0.0, 1.5, 1.0))
    magnitude = canvas.signal * bias
    phase = draw_phase(magnitude, fields, strength=rng.uniform(0.5, 1.5))
    image = (magnitude / max(float(magnitude.max()), 1e-6)) * np.exp(1j * phase)
    attributes = {"anatomy": anatomy, "contrast": contrast, "sequence": sequence, **parameters}
    return Slice(image.astype(np.complex64), canvas.labels, noise, attributes)


def noisy_magnitude(image: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """The magnitude after complex noise: Rician, as a scanner's picture."""
    parts = rng.standard_normal((2, *image.shape), dtype=np.float32) * np.float32(noise)
    return np.abs(image + (parts[0] + 1j * parts[1])).astype(np.float32)
