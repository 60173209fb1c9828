"""Units of the input: a scanner's numbers may be beyond what float32 can square."""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from mript_jax.errors import UserError
from mript_jax.inference.estimate import Estimate

USUAL = (2.0**-40, 2.0**40)  # magnitudes whose squares, summed over an image, float32 holds


Images = TypeVar("Images", np.ndarray, Estimate)


def in_usual_units(method: Callable[..., Images]) -> Callable[..., Images]:
    """The method, given data in units of a power of two if they are unusual; NaN is an error.

    Division by a power of two changes no digit, so data in usual units need none.
    """

    @functools.wraps(method)
    def in_units(self: Any, data: np.ndarray, *arguments: Any, **options: Any) -> Images:
        data = np.asarray(data)
        unit = _unit_of(data)
        found = method(self, data if unit == 1 else _divide(data, unit), *arguments, **options)
        if isinstance(found, Estimate):
            return found._replace(images=_multiply(found.images, unit))
        return _multiply(found, unit)

    return in_units


def _multiply(images: np.ndarray, unit: float) -> np.ndarray:
    if unit != 1:
        with np.errstate(over="ignore"):
            images = (images.astype(np.float64) * unit).astype(np.float32)
    if not np.isfinite(images).all():
        raise UserError(
            "the reconstruction holds NaN or numbers beyond float32; the input's largest are of "
            f"the order of {unit:.0e}: scale it"
        )
    return images


def _divide(data: np.ndarray, unit: float) -> np.ndarray:
    if np.iscomplexobj(data):
        return (data.astype(np.complex128) / unit).astype(np.complex64)
    return (data.astype(np.float64) / unit).astype(np.float32)


def _peak(data: np.ndarray) -> float:
    parts = (data.real, data.imag) if np.iscomplexobj(data) else (data,)
    return max((float(np.abs(part).max(initial=0)) for part in parts), default=0.0)


def _unit_of(data: np.ndarray) -> float:
    peak = _peak(data)
    if peak == 0 or not math.isfinite(peak) or USUAL[0] <= peak <= USUAL[1]:
        return 1.0
    return 2.0 ** math.floor(math.log2(peak))
