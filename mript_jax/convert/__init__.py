"""Weights of other codes as ours, and back."""

from mript_jax.convert.public import from_torch, to_torch

__all__ = ["from_torch", "to_torch"]
