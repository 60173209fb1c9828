"""The rules by which a comparison is scored: data range, and what a mean is taken over.

The same reconstructions get figures that differ by more than the methods do, so a protocol is
the first thing a row says, and rows of different ones are never compared. The metrics themselves
are the same for all: metrics.py, with SSIM in uniform windows of 7 x 7 pixels.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from mript_jax.batch import Batch
from mript_jax.errors import UserError, unknown_name_error

Values = Mapping[str, Any]  # metric name -> number, or array over frequency
Slices = Iterable[tuple[str, Values]]  # (volume, values) of each slice
Units = Sequence[tuple[str, Values]]  # (volume, values) of each thing that a mean is taken over


@dataclasses.dataclass(frozen=True)
class Protocol:
    about: str  # for readers of the report
    data_range: Callable[[Batch], jax.Array]  # -> [B]
    units: Callable[[Slices], Units]
    scale: Callable[[jax.Array, jax.Array], jax.Array] | None = None
    """(reference, estimate), both [B, H, W] -> the estimate as it is compared; None: as it is."""


def get_protocol(name: str) -> Protocol:
    """The protocol of that name."""
    if name not in PROTOCOLS:
        raise unknown_name_error("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def _target_maximum(batch: Batch) -> jax.Array:
    return jnp.max(batch["target"], axis=(1, 2, 3))


def _volume_maximum(batch: Batch) -> jax.Array:
    """The maximum of an example's volume, in the units of its target."""
    if "maximum" not in batch:
        raise UserError(
            "protocol 'fastmri_official' needs the maximum of each volume, which this data lacks; "
            "use measured k-space, or the protocol 'mript_paper'"
        )
    return jnp.asarray(batch["maximum"])


def _least_squares(reference: jax.Array, estimate: jax.Array) -> jax.Array:
    """The estimate times the number for which its squared distance to the reference is least."""
    axes = (1, 2)
    power = jnp.sum(jnp.square(estimate), axis=axes, keepdims=True)
    fit = jnp.sum(reference * estimate, axis=axes, keepdims=True) / jnp.maximum(power, 1e-20)
    return fit * estimate


def _slices(slices: Slices) -> Units:
    return list(slices)


def _volumes(slices: Slices) -> Units:
    """PSNR and NMSE of whole volumes; the other metrics as means over a volume's slices."""
    volumes: dict[str, list[Values]] = {}
    for volume, values in slices:
        volumes.setdefault(volume, []).append(values)
    return [(volume, _of_volume(values)) for volume, values in volumes.items()]


def _of_volume(slices: list[Values]) -> Values:
    means = {name: sum(v[name] for v in slices) / len(slices) for name in slices[0]}
    # In units of the volume's maximum the slices' mean squares add up to those of the volume.
    means["psnr"] = -10.0 * math.log10(max(means["mse"], 1e-20))
    means["nmse"] = means["mse"] / max(means["power"], 1e-20)
    return means


PROTOCOLS: dict[str, Protocol] = {
    "mript_paper": Protocol(
        "k-space simulated from the magnitude image; each slice divided by its maximum, "
        "data range 1; means over slices",
        _target_maximum,
        _slices,
    ),
    "fastmri_official": Protocol(
        "measured k-space at reconstruction size; SSIM of each slice with its volume's maximum as "
        "data range, PSNR and NMSE of whole volumes; means over volumes",
        _volume_maximum,
        _volumes,
    ),
    "measured": Protocol(
        "complex k-space with noise, simulated with phase or measured; reference the root sum of "
        "squares of the coils (simulated: before noise); each estimate scaled to it by least "
        "squares, data range the reference's maximum; means over slices",
        _target_maximum,
        _slices,
        _least_squares,
    ),
}
