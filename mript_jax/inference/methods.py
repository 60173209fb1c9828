"""Reconstruction methods by name: a trained network, and those that need no training."""

from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.errors import unknown_name_error
from mript_jax.evaluation.baselines.compressed_sensing import total_variation_image, wavelet_image
from mript_jax.inference.batch_runner import parts_of
from mript_jax.inference.estimate import Estimate, MeasuredSlices, magnitude_residuals
from mript_jax.inference.reconstruction import Reconstruction, load
from mript_jax.physics.crop import zero_filled_scan
from mript_jax.physics.measurement import Measurement, residual, solve, start

# Weight of compressed sensing: a share of the noise level, for images whose maximum is 1, where
# the estimate counts detail that noise cannot be told from. Best on phantoms of 2x to 10x.
NOISE_SHARE = 0.3
LEAST_WEIGHT = 5e-4
SENSE_STEPS = 30  # of conjugate gradients
LEAST_SENSE_WEIGHT = 1e-4
SMALLEST = 1e-12  # maximum of an image that shows anything


Method = Callable[[MeasuredSlices], Estimate]
Solver = Callable[[Measurement, np.ndarray], jax.Array]  # (measured, noise [S]) -> [S, H, W]


def build_methods(
    names: Sequence[str], checkpoint: str | Path
) -> tuple[dict[str, Method], Reconstruction | None]:
    """The methods by name, and the network if it is one of them: no others have weights.

    The network goes by the name of its model, such as unrolled or mript; without names it is the
    only method.
    """
    network = None
    if not names or set(names) - set(UNTRAINED):
        network = load(checkpoint)
    known = dict(UNTRAINED)
    if network is not None:
        known[network.config.model.name] = network_method(network)
    for name in names:
        if name not in known:
            raise unknown_name_error("method", name, known)
    chosen = names or [name for name in known if name not in UNTRAINED]
    return {name: known[name] for name in chosen}, network


def network_method(network: Reconstruction) -> Method:
    """A trained network as a method."""
    return lambda slices: network.estimate_with_residuals(slices.kspace, slices.masks)


def _zero_filled(slices: MeasuredSlices) -> Estimate:
    """The root sum of squares over coils."""
    images = np.abs(zero_filled_scan(slices.kspace))
    return Estimate(images, magnitude_residuals(images, slices.measured))


def _by_solver(solver: Solver) -> Method:
    """A method for slices of any scale, from one for images whose maximum is about 1."""

    def method(slices: MeasuredSlices) -> Estimate:
        zero_filled = np.abs(zero_filled_scan(slices.kspace))
        scale = np.maximum(zero_filled.max(axis=(1, 2)), SMALLEST)
        images, residuals = np.empty_like(zero_filled), np.empty(len(scale), np.float32)
        for part in parts_of(np.arange(len(scale)), slices.kspace[0].size):
            kspace, mask, maps = (a if a is None else a[part] for a in slices.measured)
            scaled = Measurement(kspace / scale[part, None, None, None], mask, maps)
            found = np.asarray(solver(scaled, slices.noise[part] / scale[part]))
            images[part] = np.abs(found) * scale[part, None, None]
            residuals[part] = residual(found, *scaled)
        return Estimate(images, residuals)

    return method


def _weight(noise: np.ndarray) -> jax.Array:
    return jnp.maximum(NOISE_SHARE * noise, LEAST_WEIGHT)


def _total_variation(measured: Measurement, noise: np.ndarray) -> jax.Array:
    return total_variation_image(measured, _weight(noise))


def _wavelet(measured: Measurement, noise: np.ndarray) -> jax.Array:
    return wavelet_image(measured, _weight(noise))


def _sense(measured: Measurement, noise: np.ndarray) -> jax.Array:
    """Least squares, where the prior of an image is its energy: the weight is noise over that."""
    energy = np.mean(np.abs(measured.kspace) ** 2, axis=(1, 2, 3)) * measured.kspace.shape[1]
    weight = 2 * noise**2 / np.maximum(energy, SMALLEST)
    return _least_squares(np.maximum(weight, LEAST_SENSE_WEIGHT), measured)


@jax.jit
def _least_squares(weight: jax.Array, measured: Measurement) -> jax.Array:
    return solve(0 * start(*measured), weight, *measured, steps=SENSE_STEPS)


UNTRAINED: dict[str, Method] = {
    "tv": _by_solver(_total_variation),
    "wavelet": _by_solver(_wavelet),
    "sense": _by_solver(_sense),
    "zero_filled": _zero_filled,
}
