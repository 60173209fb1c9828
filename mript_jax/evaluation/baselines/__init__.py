"""Methods that need no training, for the table every model stands in."""

from mript_jax.evaluation.baselines.zero_filled import zero_filled

__all__ = ["zero_filled"]
