"""Comparisons of checkpoints, studies of several trainings, probes of encoders."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "comparison": "compare",
        "study": "run_study",
        "probe": "untrained",
    },
)
