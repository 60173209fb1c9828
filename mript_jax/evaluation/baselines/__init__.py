"""Methods that need no training, for the table every model stands in."""

from mript_jax.evaluation.baselines.bart import bart_total_variation, bart_wavelet
from mript_jax.evaluation.baselines.compressed_sensing import total_variation, wavelet
from mript_jax.evaluation.baselines.conjugate_symmetry import conjugate_symmetry
from mript_jax.evaluation.baselines.tuning import Weighted, tune_weights, with_weights
from mript_jax.evaluation.baselines.zero_filled import zero_filled

WEIGHTED: dict[str, Weighted] = {  # to be tuned on training data
    "total_variation": total_variation,
    "wavelet": wavelet,
    "bart_total_variation": bart_total_variation,
    "bart_wavelet": bart_wavelet,
}

__all__ = [
    "WEIGHTED",
    "bart_total_variation",
    "bart_wavelet",
    "conjugate_symmetry",
    "total_variation",
    "tune_weights",
    "wavelet",
    "with_weights",
    "zero_filled",
]
