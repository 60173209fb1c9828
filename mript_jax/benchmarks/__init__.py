"""Measurements of speed, memory and quality; each module is a command of `mript benchmark`."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "timing": "compile_cost seconds_per_call",
    },
)
