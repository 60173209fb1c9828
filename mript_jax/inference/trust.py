"""Warnings of scans that are unlike those that a model was trained on or made for."""

import dataclasses

import numpy as np
from ml_collections import ConfigDict

from mript_jax.inference.volumes import ReconstructedVolume, Trust
from mript_jax.models import MODELS
from mript_jax.models.base import ReconstructionModel
from mript_jax.physics.recognition.mask import recognize_mask
from mript_jax.physics.tasks import nearest_pattern
from mript_jax.sizes import height_width

FEW_COILS = 4  # times the most coils trained on that hardly differ from these
SIDES = (0.5, 4.0)  # of the image, relative to those trained on
NOISE_MARGIN = 1.25  # of the estimate, times the strongest noise trained on
LEAST_NOISE = 0.01  # of the maximum, that matters to a model trained with less
IMPLAUSIBLE = 3.0  # times the residual that the noise explains
RESIDUAL = 0.2  # that also scans of few calibration lines stay below
SMALLEST = 1e-12  # maximum of an image that shows anything


def with_warnings(result: ReconstructedVolume, config: ConfigDict) -> ReconstructedVolume:
    """The volume with a warning for each way in which it is unlike the data of a model's config."""
    if result.trust is None:
        return result
    model = config.model.name
    if result.provenance.method == model:
        lines = _unlike_training(config, result, result.trust)
        return dataclasses.replace(result, trust=dataclasses.replace(result.trust, warnings=lines))
    others = tuple(
        other._replace(warnings=_unlike_training(config, result, result.trust.of(other)))
        if other.provenance.method == model
        else other
        for other in result.others
    )
    return dataclasses.replace(result, others=others)


def _unlike_training(
    config: ConfigDict, result: ReconstructedVolume, trust: Trust
) -> tuple[str, ...]:
    seen = recognize_mask(result.masks[0])
    sampling = unlike_sampling(config, seen.pattern, seen.acceleration)
    combined = combined_spectrum(MODELS[config.model.name], trust.coils)
    return (*sampling, *combined, *unlike_scan(config, trust, result.zero_filled))


def unlike_scan(config: ConfigDict, trust: Trust, zero_filled: np.ndarray) -> list[str]:
    """A sentence for a scan's noise, coils, size and residual that are unlike the training data's.

    `zero_filled` are its zero-filled images [S, H, W], whose maximum the noise is compared with.
    """
    data, found = config.data, []
    brightest = np.maximum(zero_filled.max(axis=(1, 2)), SMALLEST)  # [S]
    simulated = data.undersampling == "simulated"
    most_coils = max(data.simulation.coils) if simulated else data.coils
    added = data.simulation.noise[1] if simulated else data.noise  # 0: the scans' own, not known
    strongest = max(added, LEAST_NOISE)
    noise = float(np.median(trust.noise / brightest))
    if added and noise > NOISE_MARGIN * strongest:
        found.append(
            f"its noise, {100 * noise:.1f} % of the maximum, is stronger than the "
            f"{100 * strongest:.1f} % trained on"
        )
    if trust.coils > FEW_COILS * most_coils:
        found.append(f"it has {trust.coils} coils, and at most {most_coils} were trained on")
    return found + unlike_size(config, zero_filled.shape[1:]) + _implausible(trust)


def unlike_size(config: ConfigDict, shape: tuple[int, ...]) -> list[str]:
    """A sentence for an image size (height, width) that is far from those trained on."""
    trained = height_width(config.data.image_size)
    share = np.asarray(shape) / np.asarray(trained)
    if SIDES[0] <= share.min() and share.max() <= SIDES[1]:
        return []
    size = " x ".join(map(str, shape))
    return [f"its {size} pixels are far from the {trained[0]} x {trained[1]} trained on"]


def _implausible(trust: Trust) -> list[str]:
    residual, noise = (float(np.median(r)) for r in (trust.residuals, trust.noise_residuals))
    if not residual > max(RESIDUAL, IMPLAUSIBLE * noise):  # or not known: NaN
        return []
    return [
        f"the reconstruction contradicts the measured samples: its residual is {residual:.2f}, "
        f"and the noise explains {noise:.2f}"
    ]


def combined_spectrum(
    model: ReconstructionModel | type[ReconstructionModel], coils: int
) -> list[str]:
    """A sentence where a model of one coil takes the combined image's k-space for measured."""
    if coils == 1 or model.multi_coil or not model.fills_kspace:
        return []
    return [
        f"this model is of one coil: of {coils} coils it keeps the k-space of their zero-filled "
        "root-sum-of-squares image, which is near the measured samples and was not measured itself"
    ]


def unlike_sampling(config: ConfigDict, pattern: str, acceleration: float) -> list[str]:
    """A sentence for a sampling pattern, and for an acceleration, that was not trained on."""
    data, found = config.data, []
    if pattern not in data.patterns:
        nearest = data.patterns[nearest_pattern(pattern, data.patterns)]
        instead = f"; using {nearest}" if MODELS[config.model.name].takes_task else ""
        found.append(
            f"the sampling pattern {pattern} is not among those trained on "
            f"({', '.join(data.patterns)}){instead}"
        )
    trained = data.continuous_accelerations or data.accelerations
    if not 0.9 * min(trained) < acceleration < 1.1 * max(trained):
        found.append(f"acceleration {acceleration:.1f} is outside the range trained on")
    return found
