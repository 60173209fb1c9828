"""Arrays as pictures: 8-bit images, error maps, k-space views, rows saved as PNG."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mript_jax.physics.fourier import fft2c

BRIGHTEST = 99.7  # percentile of the reference that is shown white
# Where the colors of error maps may end.
NICE_SCALES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)
KSPACE_SIZE = 112  # k-space views are made no larger: their noise hardly compresses
KSPACE_DECADES = 5.0  # from white to black

# Error colors: dark to bright with lightness rising evenly, readable in print and when
# color-blind. Anchors, evenly spaced.
ERROR_COLORS = np.array(
    [(5, 4, 16), (58, 14, 90), (130, 30, 105), (200, 55, 75), (243, 120, 35), (250, 240, 160)],
    np.float64,
)


def save_row(path: str | Path, images: Sequence[np.ndarray], brightest: float) -> None:
    """Saves images [H, W] of one height side by side as a PNG; `brightest` is shown white."""
    row = np.concatenate([grey(image, brightest) for image in images], axis=1)
    Image.fromarray(row).save(path)


def white_point(reference: np.ndarray) -> float:
    """The value to show white, so that single bright pixels do not darken the rest."""
    return float(max(np.percentile(reference, BRIGHTEST), 1e-12))


def grey(image: np.ndarray, brightest: float) -> np.ndarray:
    """8-bit grey values [H, W] from 0 (black) to `brightest` (white)."""
    return np.round(255 * np.clip(image / brightest, 0, 1)).astype(np.uint8)


def kspace_view(image: np.ndarray) -> np.ndarray:
    """The logarithm of an image's spectrum as 8-bit grey values, made smaller by maxima."""
    strength = np.abs(fft2c(image.astype(np.float32)))
    step = -(-max(strength.shape) // KSPACE_SIZE)
    rows, columns = (size - size % step for size in strength.shape)
    blocks = strength[:rows, :columns].reshape(rows // step, step, columns // step, step)
    strength = blocks.max(axis=(1, 3))
    decades = np.log10(np.maximum(strength, 1e-12) / max(strength.max(), 1e-12))
    return grey(decades + KSPACE_DECADES, KSPACE_DECADES)


def error_scale(errors: Sequence[np.ndarray]) -> float:
    """A round number that hardly any error exceeds: the end of the colors for all of them."""
    largest = max(float(np.percentile(error, 99.5)) for error in errors)
    return next((scale for scale in NICE_SCALES if scale >= largest), NICE_SCALES[-1])


def worst_spot(error: np.ndarray, part: float) -> tuple[float, float]:
    """Left and top, as fractions, of the window (`part` of each side) with the most error."""
    height, width = (max(int(size * part), 1) for size in error.shape)
    sums = np.pad(np.square(error, dtype=np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    windows = (sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]) + sums[
        :-height, :-width
    ]
    top, left = np.unravel_index(np.argmax(windows), windows.shape)
    return float(left / error.shape[1]), float(top / error.shape[0])


def grey_uri(values: np.ndarray) -> str:
    """8-bit grey values as a PNG data URI."""
    return _uri(Image.fromarray(values))


def kspace_uri(image: np.ndarray) -> str:
    """The k-space view of an image as a JPEG data URI."""
    return _uri(Image.fromarray(kspace_view(image)), "JPEG", quality=70)


def error_uri(error: np.ndarray, scale: float) -> str:
    """An error map in colors from 0 to `scale` as a JPEG data URI."""
    at = np.linspace(0, len(ERROR_COLORS) - 1, 256)
    colors = [np.interp(at, np.arange(len(ERROR_COLORS)), c) for c in ERROR_COLORS.T]
    palette = np.round(np.stack(colors, axis=1)).astype(np.uint8)  # [256, 3]
    picture = Image.fromarray(palette[grey(np.abs(error), scale)])
    return _uri(picture, "JPEG", quality=85, subsampling=0)


def _uri(picture: Image.Image, kind: str = "PNG", **options: int) -> str:
    file = io.BytesIO()
    picture.save(file, kind, optimize=True, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
