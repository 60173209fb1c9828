"""Generated objects without anatomy."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "source": "GeneratedSource",
    },
)
